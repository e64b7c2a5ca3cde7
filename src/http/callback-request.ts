import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { RequestHeaders } from './message.ts'
import type { Preference } from './preference.ts'

/**
 * Whether a URL may be called; gives it as it will be.
 * @throws CoatcheckError `OUTBOUND_REFUSED`
 */
export type CheckUrl = (url: string) => URL

/**
 * The URL that a request wants its end posted to: `Callback-URL`, else the preference `callback`; undefined where there is none,
 * or the service answers at once whatever happens.
 * @param check undefined where the node has no callbacks
 * @throws CoatcheckError `OUTBOUND_REFUSED`, `CALLBACK_NOT_OFFERED`
 */
export function readCallback(
  headers: RequestHeaders,
  { callback, respondAsync }: Preference,
  definition: Definition,
  service: ServiceSettings,
  check: CheckUrl | undefined,
): string | undefined {
  const header = headers.get('callback-url')
  if (header === null && callback === undefined) return undefined
  const { name } = definition
  if (!mayQueue(definition, service, respondAsync)) return undefined
  const from = header === null ? 'Prefer: callback' : 'Callback-URL'
  const url = header ?? callback?.url
  if (url === undefined)
    throw new CoatcheckError(
      'OUTBOUND_REFUSED',
      'Prefer: callback has no url; write callback; url="https://…"',
    )
  if (!service.callback)
    throw new CoatcheckError(
      'CALLBACK_NOT_OFFERED',
      `${name} takes no callbacks; call it without ${from} and ask for its result`,
    )
  if (!check)
    throw new CoatcheckError(
      'CALLBACK_NOT_OFFERED',
      'this node has no secrets to sign callbacks with; give createNode callbacks: { secrets: […] }, or call without a callback URL',
    )
  try {
    return check(url).href
  } catch (error) {
    if (!isCoatcheckError(error)) throw error
    throw new CoatcheckError(error.code, `${from}: ${error.message}`, { cause: error })
  }
}

/** What runs while the caller waits and then fails cannot be undone: a URL that it may need then is looked at before. */
export function mayQueue({ key, order }: Definition, service: ServiceSettings, asked: boolean): boolean {
  if (service.execution === 'queue' || service.queueWhen !== undefined) return true
  // behind what waits of its key
  if (key !== undefined && order === 'strict') return true
  return asked && service.respondAsync
}
