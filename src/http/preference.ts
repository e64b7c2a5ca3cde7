import { durationMs } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { HttpRequest, RequestHeaders } from './message.ts'

/** The longest wait that a request is held open for, whatever it asks for. */
export const maxWaitMs = 60_000

/** What a request prefers (RFC 7240), as far as we know it. */
export interface Preference {
  readonly respondAsync: boolean
  /** Undefined where it does not say; at most {@link maxWaitMs}. */
  readonly waitMs: number | undefined
  /** Undefined where it does not say; the name and the parameter are those of OData. */
  readonly callback: { readonly url: string | undefined } | undefined
}

const noHeaders = {}
const nothing: Preference = { respondAsync: false, waitMs: undefined, callback: undefined }

/** Reads `Prefer`. The first instance of a preference counts; what we do not know, or cannot read, is ignored. */
export function readPreference(headers: RequestHeaders): Preference {
  const text = headers.get('prefer')
  if (text === null) return nothing
  const found = new Map<string, string>()
  let callback: Preference['callback']
  // the comma of a quoted string parts nothing
  for (const part of text.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? []) {
    const [, name, quoted, bare] =
      /^\s*([^\s=;"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*)))?\s*(?:;|$)/.exec(part) ?? []
    if (name !== undefined && !found.has(name.toLowerCase()))
      found.set(name.toLowerCase(), quoted ?? bare ?? '')
    if (/^(?:odata\.)?callback$/i.test(name ?? '')) callback ??= { url: readUrl(part) }
  }
  const wait = found.get('wait')
  return {
    respondAsync: found.get('respond-async') === '',
    waitMs:
      wait !== undefined && /^\d{1,9}$/.test(wait) ? Math.min(Number(wait) * 1000, maxWaitMs) : undefined,
    // said twice, the header of its own counts
    callback: headers.has('callback-url') ? undefined : callback,
  }
}

/** The parameter `url` of a preference. */
function readUrl(part: string): string | undefined {
  const [, quoted, bare] = /;\s*url\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(part) ?? []
  return quoted?.replaceAll(/\\(.)/g, '$1') ?? bare
}

/** `Preference-Applied`, where any was. */
export function appliedHeader(applied: Partial<Preference>): Readonly<Record<string, string>> {
  if (applied === nothing) return noHeaders
  const parts = [
    ...(applied.respondAsync ? ['respond-async'] : []),
    ...(applied.waitMs === undefined ? [] : [`wait=${applied.waitMs / 1000}`]),
    ...(applied.callback ? ['callback'] : []),
  ]
  return parts.length === 0 ? {} : { 'preference-applied': parts.join(', ') }
}

/**
 * How long `?wait=20s` asks to wait, at most {@link maxWaitMs}; 0 where it does not.
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function readWaitParameter({ query }: HttpRequest): number {
  const wait = query.get('wait')
  if (wait === null) return 0
  const waitMs = durationMs(wait)
  if (waitMs === undefined)
    throw new CoatcheckError('OPTION_INVALID', `wait is ${showValue(wait)}; write it as 20s or 1m`)
  return Math.min(waitMs, maxWaitMs)
}
