import { setTimeout as wait } from 'node:timers/promises'
import { isCoatcheckError } from '../base/errors.ts'
import type { OperatorCall } from './route.ts'

/** A line at least so often: a proxy between cuts what is silent. As often it is asked whether the operator is still known. */
const quietMs = 3_000

type Watched = Pick<OperatorCall<unknown, unknown>, 'request' | 'released' | 'isStillKnown'>

/**
 * Lines of JSON while something goes on: how far it is, and at last `{ done: true, … }` with the report, or with what went wrong.
 * Until there is news of it, lines say `none`. It is told to end when the client leaves, the node stops, or the operator is known no more.
 */
export async function* streamProgress<Progress extends object, Report extends object>(
  { request, released, isStillKnown }: Watched,
  none: Progress,
  work: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<Report>,
): AsyncGenerator<string> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, request.signal, released])
  let latest = none
  let wake = (): void => {}
  const ended = work(signal, (progress) => {
    latest = progress
    wake()
  }).then(
    (report) => ({ done: true, ...report }),
    (error: unknown) => ({ done: true, ...latest, error: errorOf(error) }),
  )
  let line: object | undefined
  let askedAt = performance.now()
  const last = ended.then((report) => {
    line = report
    wake()
  })
  try {
    while (!line) {
      const news = new Promise<void>((resolve) => (wake = resolve))
      // However much news there is.
      await Promise.race([
        news,
        wait(Math.max(askedAt + quietMs - performance.now(), 0), undefined, { signal }),
      ]).catch(() => {})
      if (line) break
      if (!signal.aborted && performance.now() - askedAt >= quietMs) {
        if (!(await isStillKnown())) over.abort()
        askedAt = performance.now()
      }
      if (signal.aborted) await last
      else yield `${JSON.stringify(latest)}\n`
    }
    yield `${JSON.stringify(line)}\n`
  } finally {
    over.abort()
    await last
  }
}

/** What went wrong, as far as it is for the client. */
function errorOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (isCoatcheckError(error) && error.status < 500) return { code: error.code, detail: error.message }
  return { code: isCoatcheckError(error) ? error.code : 'INTERNAL', detail: 'something went wrong inside' }
}
