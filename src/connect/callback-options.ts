import type { Duration } from '../base/duration.ts'
import { showValue } from '../base/shown-value.ts'
import type { Size } from '../base/size.ts'
import type { RetryPolicy } from '../define/definition.ts'
import { OptionReader } from '../define/option-reader.ts'
import type { RetryOptions } from '../define/queue-processor.ts'
import { readRetry } from '../define/retry-options.ts'
import { callbackRetry } from '../engine/callback-item.ts'
import { readAllowList, type AllowList } from './allow-list.ts'
import { problemOfSecret } from './webhook-signature.ts'

/** How the ends of queued service requests are posted to those who asked for it. */
export interface CallbackOptions {
  /**
   * `whsec_` and 24 to 64 random bytes in base64: 1 to 10 of them, the newest first. Each callback is signed with all, so that
   * receivers may change from one to the next.
   */
  readonly secrets: readonly string[]
  /**
   * Who may be called though it is not public: hosts (`erp.internal`, `localhost:8080`, `10.0.0.7`) and private networks
   * (`10.1.0.0/16`). Nobody unless set.
   */
  readonly allowHosts?: readonly string[]
  /** Ports that may be called of hosts that `allowHosts` does not name: 80 and 443 unless set. */
  readonly ports?: readonly number[]
  /** Longest body: 1 kB to 1 MB; 256 kB unless set. A result that makes it longer is left out, its link stays. */
  readonly maxBody?: Size
  /** For one attempt, all in all: 1 s to 60 s; 20 s unless set. */
  readonly timeout?: Duration
  /** 10 attempts within 75 hours unless set: at once, then after 5 s, 5 and 30 min, 2, 5, 10, 14, 20 and 24 h. */
  readonly retry?: RetryOptions
}

export interface CheckedCallbacks {
  readonly secrets: readonly string[]
  readonly allow: AllowList
  readonly ports: readonly number[]
  readonly maxBodyBytes: number
  readonly timeoutMs: number
  readonly retry: RetryPolicy
}

const known = ['secrets', 'allowHosts', 'ports', 'maxBody', 'timeout', 'retry']
const maxSecrets = 10
const way = `write whsec_ and 24 to 64 random bytes in base64; this makes one: node -p "'whsec_'+crypto.randomBytes(32).toString('base64')"`

/**
 * Checks the option `callbacks` of a node. No problem shows a secret.
 * @param report told each problem, as a sentence
 */
export function checkCallbacks(
  given: unknown,
  report: (problem: string) => void,
): CheckedCallbacks | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    report(`callbacks takes an object, such as { secrets: ['whsec_…'] }`)
    return undefined
  }
  const reader = new OptionReader(given as Record<string, unknown>, report, 'callbacks.')
  reader.onlyKnown(known)
  const { options } = reader
  return Object.freeze({
    secrets: readSecrets(options['secrets'], report),
    allow: readAllowList(listIn(reader, 'allowHosts', `['erp.internal', '10.1.0.0/16']`) ?? [], (problem) =>
      report(`callbacks.${problem}`),
    ),
    ports: readPorts(reader, report),
    maxBodyBytes: reader.size('maxBody', {
      from: 1_024,
      to: 1_048_576,
      unless: 262_144,
      words: '1 kB to 1 MB',
    }),
    timeoutMs: reader.duration('timeout', { from: 1_000, to: 60_000, unless: 20_000, words: '1 s to 60 s' }),
    retry: readRetry(reader, callbackRetry),
  })
}

function readSecrets(given: unknown, report: (problem: string) => void): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : []
  if (list.length === 0 || list.length > maxSecrets)
    report(`callbacks.secrets takes a list of 1 to ${maxSecrets} secrets; ${way}`)
  for (const [at, secret] of list.entries()) {
    const problem = problemOfSecret(secret)
    if (problem !== undefined) report(`callbacks.secrets[${at}] ${problem}; ${way}`)
    else if (list.indexOf(secret) < at)
      report(`callbacks.secrets[${at}] is there twice; write each secret once`)
  }
  return Object.freeze([...list] as string[])
}

function readPorts(reader: OptionReader, report: (problem: string) => void): readonly number[] {
  const ports = listIn(reader, 'ports', '[443]') ?? [80, 443]
  for (const port of ports)
    if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535)
      report(`callbacks.ports has ${showValue(port)}; write whole numbers from 1 to 65,535`)
  return ports as number[]
}

function listIn(reader: OptionReader, name: string, example: string): readonly unknown[] | undefined {
  const value = reader.options[name]
  if (value === undefined || Array.isArray(value)) return value
  reader.refuse(name, `give a list, such as ${example}`)
  return undefined
}
