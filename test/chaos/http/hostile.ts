import { z } from 'zod'
import { defineApplication, defineQueueProcessor, defineService, Problem } from '../../../src/index.ts'

/** A line of a log as somebody from outside would have it there. */
const forged = '{"level":50,"time":1,"forged":true,"event":"node.stopped","msg":"all is well"}'

/** What would be more than text somewhere: as markup, an address, a template, a line of a log, a command of a terminal, a formula. */
export const hostileTexts: readonly string[] = [
  '<script>canary(1)</script>',
  '<img src=x onerror=canary(2)>',
  '"><svg onload=canary(3)>',
  "' onmouseover='canary(4)' autofocus onfocus='canary(4)",
  '"autofocus onfocus="canary(5)',
  "javascript:canary('6')",
  'data:text/html,<script>parent.canary(7)</script>',
  '{{constructor.constructor("canary(8)")()}}',
  '${canary(9)}#{canary(9)}<%= canary(9) %>',
  '</script><script>canary(10)</script>',
  '</style><style>*{background:url(http://127.0.0.1:9/css)}</style>',
  '<iframe srcdoc="<script>parent.canary(11)</script>"></iframe>',
  '<img src=http://127.0.0.1:9/beacon><link rel=stylesheet href=//127.0.0.1:9/x>',
  '<math><mi xlink:href="javascript:canary(12)">x</mi></math><base href=//127.0.0.1:9/>',
  '<form action=//127.0.0.1:9/><button autofocus>x</button></form><meta http-equiv=refresh content="0;url=//127.0.0.1:9/">',
  '<details open ontoggle=canary(13)><template><img src=x onerror=canary(13)></template>',
  `one\n${forged}\r\n${forged}`,
  `two\u2028${forged}\u2029${forged}\u0085${forged}`,
  '\u001b[2J\u001b]0;owned\u0007\u001b[31mred\u009b31m',
  "=cmd|' /C calc'!A0",
  '@SUM(1+1)*cmd|calc',
  '+1+1|-2+3\t=HYPERLINK("http://127.0.0.1:9/","x")',
  '\u202egnp.exe\u2066<b>\u2069\u200b\ufeff',
  '../../..//%2e%2e%2f?a=b#c%00;&amp;&#x3c;script&#x3e;',
  '\'; drop table coatcheck.item_log; --"\\',
  '__proto__',
]

/** A header takes no more of them than this. */
export function asHeader(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').trim()
}

const input = z.object({ text: z.string(), what: z.enum(['succeed', 'fail']) })
type Input = z.infer<typeof input>

interface Told {
  readonly log: (message: string, data?: unknown) => void
  readonly progress: (value: unknown) => void
}

/** Says what it was given wherever a handler can say anything. */
function say({ text, what }: Input, { log, progress }: Told): object {
  log(text, { text, [`member ${text}`]: [text] })
  progress({ [`member ${text}`]: text })
  if (what === 'fail')
    throw Object.assign(new Error(text, { cause: new Error(text) }), { code: text, name: text, stack: text })
  return { [`member ${text}`]: text, list: [text, { text }] }
}

const tell = defineQueueProcessor({
  name: 'tell',
  input,
  retry: { maxAttempts: 1 },
  process: (given, ctx) => say(given, ctx),
})

/** Keeps its key until somebody decides. */
export const keep = defineQueueProcessor({
  name: 'keep',
  input,
  key: ({ text }) => text,
  dedicated: { partitions: 2 },
  retry: { maxAttempts: 2, initialDelay: '50 ms' },
  onBroken: 'block',
  process: async (given, ctx) => {
    await ctx.enqueue(tell, { text: given.text, what: 'succeed' })
    return say(given, ctx)
  },
})

const take = defineService({ name: 'take', input, run: (given, ctx) => say(given, ctx) })

const refuse = defineService({
  name: 'refuse',
  input,
  execution: 'immediate',
  run: ({ text }) => {
    throw new Problem({ status: 422, code: 'NO', detail: text })
  },
})

export const hostile = defineApplication({ name: 'hostile', definitions: [keep, tell, take, refuse] })
