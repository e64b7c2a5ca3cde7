import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { test } from 'node:test'
import * as define from '../../src/define/define.ts'

const root = resolve(import.meta.dirname, '../..')

/** What a file and those it imports import from elsewhere when they run, and from where. */
function foreignImports(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return []
  seen.add(file)
  const source = readFileSync(file, 'utf8')
  const pattern =
    /^(?:import|export)(?!\s+type\b)\s[^'"`;=()]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm
  const specifiers = [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
  return specifiers.flatMap((specifier) =>
    specifier.startsWith('.')
      ? foreignImports(resolve(dirname(file), specifier), seen)
      : [`${relative(root, file)}: ${specifier}`],
  )
}

test('coatcheck/define imports nothing of Node, and no package', () => {
  assert.deepEqual(foreignImports(resolve(root, 'src/define/define.ts')), [])
  // the search does find what is there
  assert.ok(
    foreignImports(resolve(root, 'test/define/failure.test.ts')).includes(
      'test/define/failure.test.ts: node:net',
    ),
  )
})

test('coatcheck/define says nothing of Node in globals either', () => {
  const files = new Set<string>()
  foreignImports(resolve(root, 'src/define/define.ts'), files)
  assert.ok(files.size > 10)
  for (const file of files)
    assert.doesNotMatch(
      readFileSync(file, 'utf8'),
      /\b(?:Buffer|process\.(?:env|nextTick|hrtime)|setImmediate|NodeJS|__dirname)\b/,
      relative(root, file),
    )
})

test('coatcheck/define exports these values', () => {
  assert.deepEqual(Object.keys(define).toSorted(), [
    'CoatcheckError',
    'Problem',
    'QueuedRequestError',
    'Reject',
    'RetryLater',
    'defineApplication',
    'defineQueueProcessor',
    'defineRequestProcessor',
    'defineService',
    'isCoatcheckError',
    'isProblem',
    'isQueuedRequest',
    'isReject',
    'isRetryLater',
    'reply',
  ])
})
