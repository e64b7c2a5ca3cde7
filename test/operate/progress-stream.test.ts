import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { streamProgress } from '../../src/operate/progress-stream.ts'

const request = { signal: new AbortController().signal } as Parameters<typeof streamProgress>[0]['request']
const released = new AbortController().signal

async function linesOf(stream: AsyncIterable<string>) {
  const lines: Record<string, unknown>[] = []
  for await (const line of stream) lines.push(JSON.parse(line) as Record<string, unknown>)
  return lines
}

test(
  'work ends when its operator is known no more, however much news there is',
  { timeout: 20_000 },
  async () => {
    let count = 0
    const stream = streamProgress(
      { request, released, isStillKnown: () => Promise.resolve(false) },
      { count },
      async (signal, onProgress: (progress: { count: number }) => void) => {
        while (!signal.aborted) {
          await wait(20)
          onProgress({ count: ++count })
        }
        return { count }
      },
    )
    const lines = await linesOf(stream)
    assert.ok(lines.length > 10)
    assert.deepEqual(lines.at(-1), { done: true, count })
  },
)

test('a line comes also while there is no news yet', { timeout: 20_000 }, async () => {
  let asked = 0
  const isStillKnown = () => Promise.resolve(++asked === 1)
  const stream = streamProgress({ request, released, isStillKnown }, { count: 0 }, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return { count: 7 }
  })
  const lines = await linesOf(stream)
  assert.deepEqual([lines[0], lines.at(-1)], [{ count: 0 }, { done: true, count: 7 }])
})
