import type { Query } from './base-path.ts'
import { CallFailed } from './call-failed.ts'
import { send } from './request.ts'

/** An event of a stream of Server-Sent Events. */
export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/**
 * Server-Sent Events (WHATWG HTML, 9.2) as they come, until the stream ends or the signal ends it. It stands in the place of the
 * browser's EventSource, which neither says why there is no stream nor retries where there was none.
 * @param heard told whenever something comes, a mere sign of life too
 * @throws CallFailed
 */
export async function* listen(
  path: string,
  query: Query | undefined,
  signal: AbortSignal,
  heard: () => void,
): AsyncGenerator<ServerEvent> {
  const response = await send('GET', path, { query, signal })
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream'))
    throw new CallFailed(response.status, 'NO_STREAM', 'What was answered is no stream of events')
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    heard()
    const blocks = (rest + value).split(/\r?\n\r?\n/)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = readBlock(block)
      if (event.data !== '') yield event
    }
  }
}

function readBlock(block: string): ServerEvent {
  const lines = block.split(/\r?\n/)
  const fieldOf = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).trimStart()] : []))
  return { event: fieldOf('event').at(-1) ?? 'message', data: fieldOf('data').join('\n') }
}
