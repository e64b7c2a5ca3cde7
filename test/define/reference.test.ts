import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  keepOptions,
  processorOptions,
  requestProcessorOptions,
  requestQueueOptions,
  retryOptions,
  serviceOptions,
} from '../../src/define/option-names.ts'

const page = readFileSync(new URL('../../docs/reference/definitions.md', import.meta.url), 'utf8')

/** The options that a section's table lists. */
function listed(heading: string): string[] {
  const section = page.split(/^##+ /m).find((each) => each.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| `([\w.]+)` \|/gm)].map((match) => match[1] ?? '')
}

const topLevel = (names: string[]) => [...new Set(names.map((name) => name.split('.')[0] ?? ''))]

test('docs/reference/definitions.md lists every option and no other', () => {
  assert.deepEqual(
    topLevel([...listed('Both kinds'), ...listed('defineQueueProcessor')]).toSorted(),
    processorOptions.toSorted(),
  )
  assert.deepEqual(
    topLevel([...listed('Both kinds'), ...listed('defineService')]).toSorted(),
    serviceOptions.toSorted(),
  )
  assert.deepEqual(listed('retry'), retryOptions)
  const requests = listed('defineRequestProcessor')
  assert.deepEqual(topLevel(requests), requestProcessorOptions)
  const within = (prefix: string) =>
    requests.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  assert.deepEqual(within('queues.'), requestQueueOptions)
  assert.deepEqual(within('keep.'), keepOptions)
})
