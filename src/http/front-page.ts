import { createHash } from 'node:crypto'
import type { Definition } from '../define/definition.ts'
import type { Road } from '../engine/face.ts'
import { mayCall, type Caller } from './caller.ts'
import { exampleInput } from './example-input.ts'
import type { Durability } from './health.ts'
import type { Answer, HttpRequest } from './message.ts'
import { pageIcon } from './page-icon.ts'

export interface FrontPage {
  /** The name of the node. */
  readonly name: string
  readonly durability: Durability
  readonly basePath: string
  /** Who asks: it is shown what it may call. */
  readonly caller: Caller
}

interface ServiceEntry {
  readonly name: string
  readonly application: string
  readonly execution: 'immediate' | 'queue'
  readonly url: string
  /** A command line to try it with. */
  readonly curl: string
}

/** `GET /`: what is here and how to try it, for people (HTML) and programs (JSON). */
export function answerFrontPage(request: HttpRequest, page: FrontPage, road: Road): Answer {
  const base = request.origin + page.basePath
  const services = [...road.definitions.values()].flatMap((definition) =>
    entryOf(definition, base, page.caller),
  )
  if (!prefersHtml(request)) return answerDocument(page, base, services)
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      vary: 'accept',
    },
    body: renderPage(page, base, services),
  }
}

function entryOf(definition: Definition, base: string, caller: Caller): ServiceEntry[] {
  const { name, application, input, service } = definition
  if (!service || !mayCall(caller, definition)) return []
  const url = new URL(base).origin + new URL(base).pathname.replace(/\/$/, '') + service.path
  const body = JSON.stringify(exampleInput(input)).replaceAll("'", String.raw`'\''`)
  const curl = `curl -i${credentialsOf(caller)} -H 'content-type: application/json' -d '${body}' ${url}`
  return [{ name, application, execution: service.execution, url, curl }]
}

/** The caller's own are not repeated: pages are kept and sent on. */
function credentialsOf({ kind }: Caller): string {
  return kind === 'local' ? '' : ' -H "authorization: Bearer $COATCHECK_KEY"'
}

/** Whether it names HTML and does not like JSON better (RFC 9110, 12.5.1): a client that takes anything is no browser. */
export function prefersHtml(request: HttpRequest): boolean {
  const ranges = (request.headers.get('accept') ?? '').toLowerCase().split(',')
  const html = qualityOf('text/html', ranges)
  return html !== undefined && html > 0 && html >= (qualityOf('application/json', ranges) ?? 0)
}

/** @returns undefined where it is not named */
function qualityOf(type: string, ranges: readonly string[]): number | undefined {
  for (const range of ranges) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (name !== type) continue
    const weight = parameters.find((each) => each.startsWith('q='))
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0
  }
  return undefined
}

function answerDocument(
  { name, durability }: FrontPage,
  base: string,
  services: readonly ServiceEntry[],
): Answer {
  const document = {
    name,
    durability,
    services,
    links: {
      health: `${base}/healthz`,
      readiness: `${base}/readyz`,
      openapi: `${base}/openapi.json`,
      docs: `${base}/docs`,
      console: `${base}/console`,
    },
  }
  // people read it too, in a terminal
  return {
    status: 200,
    headers: { 'content-type': 'application/json', vary: 'accept' },
    body: `${JSON.stringify(document, undefined, 2)}\n`,
  }
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
pre{overflow-x:auto;padding:.75rem 1rem;border-radius:6px;background:#f3f4f6}
h2{margin-bottom:0}nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}small{color:#59636e}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}small{color:#9198a1}a{color:#79b8ff}}`
const styleHash = createHash('sha256').update(style).digest('base64')
/** What browsers let our pages do: nothing but have their style and icon. */
export const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

function renderPage(
  { name, durability, caller }: FrontPage,
  base: string,
  services: readonly ServiceEntry[],
): string {
  const credentials = escape(credentialsOf(caller))
  const database = durability === 'durable' ? 'PostgreSQL' : 'embedded: for development'
  return htmlPage(
    `${name} · Coatcheck`,
    `<h1>${escape(name)}</h1>
<p>Hand work over, keep the ticket, come back for the result. Database: ${database}.</p>
<nav><a href="${escape(base)}/console">Console</a> <a href="${escape(base)}/docs">API</a> <a href="${escape(base)}/openapi.json">OpenAPI</a>
<a href="${escape(base)}/healthz">health</a> <a href="${escape(base)}/readyz">readiness</a></nav>
${services.length === 0 ? '<p>No service is here for you; <code>defineService</code> makes one.</p>' : services.map(renderService).join('\n')}
<h2>The ticket</h2>
<p>A queued request is answered with 202 and the id of its queue item. How it stands, and its result:</p>
<pre>curl${credentials} '${escape(base)}/queue-items/{id}?wait=20s'
curl -i${credentials} '${escape(base)}/queue-items/{id}/result'</pre>`,
  )
}

/** @param body HTML */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>${pageIcon}<style>${style}</style></head>
<body>
${body}
</body>
</html>
`
}

function renderService({ name, application, execution, curl }: ServiceEntry): string {
  const how = execution === 'queue' ? 'queues its requests' : 'answers at once'
  return `<h2>${escape(name)}</h2>
<small>${escape(application)} · ${how}</small>
<pre>${escape(curl)}</pre>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
