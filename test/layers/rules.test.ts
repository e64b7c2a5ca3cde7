import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  browserRoomsLeaveNodeAlone,
  consoleKnowsTypesAlone,
  filesAreShort,
  importsPointLeft,
  namesSayWhatIsInside,
  noValueCycles,
  oneFileALibrary,
} from './rules.ts'
import { readSource } from './source-file.ts'

/** Files from their texts. */
function tree(texts: Record<string, string>) {
  return Object.entries(texts).map(([path, text]) => readSource(path, text))
}

const imports = (specifier: string) => `import { x } from '${specifier}'\n`
const importsType = (specifier: string) => `import type { x } from '${specifier}'\n`

test('every way to import is seen, and whether it is only a type', () => {
  const text = [
    `import 'a'`,
    `import b from 'b'`,
    `import * as c from "c"`,
    `import {\n  one,\n  type Two,\n} from 'd'`,
    `import type { E } from 'e'`,
    `export { f } from 'f'`,
    `export * from 'g'`,
    `export type { H } from 'h'`,
    `const i = await import('i')`,
    `let j: typeof import('j')`,
    `const k = require('k')`,
    ` * import { no } from 'comment'`,
    `  // await import('comment')`,
    `export const text = 'no import'`,
    `export function from() { return 'none' }`,
  ].join('\n')
  const found = readSource('src/x.ts', text).imports.map(
    (one) => one.specifier + (one.typeOnly ? ' (type)' : ''),
  )
  assert.deepEqual(found.sort(), ['a', 'b', 'c', 'd', 'e (type)', 'f', 'g', 'h (type)', 'i', 'j (type)', 'k'])
})

test('a room imports from itself and from its left', () => {
  const files = tree({
    'src/base/ids.ts': imports('./clock.ts'),
    'src/engine/accept.ts': imports('../stream/postgres.ts') + imports('../base/ids.ts'),
    'src/tx/tx.ts': imports('../define/definition.ts'),
    'src/node.ts': imports('./http/server.ts') + imports('./observe/log.ts'),
    'src/index.ts': imports('./node.ts') + imports('./client/client.ts'),
    'src/cli/main.ts': imports('../node.ts') + imports('pg') + imports('node:fs'),
  })
  assert.deepEqual(importsPointLeft(files), [])
})

for (const [from, to] of [
  ['base/ids.ts', 'store/driver.ts'],
  ['store/driver.ts', 'define/definition.ts'],
  ['define/definition.ts', 'store/driver.ts'],
  ['stream/postgres.ts', 'engine/accept.ts'],
  ['http/server.ts', 'listen/file.ts'],
  ['tx/tx.ts', 'store/driver.ts'],
  ['client/client.ts', 'http/server.ts'],
  ['observe/log.ts', 'engine/accept.ts'],
  ['engine/accept.ts', 'observe/log.ts'],
  ['node.ts', 'index.ts'],
  ['testing/testing.ts', 'index.ts'],
  ['cli/main.ts', '../scripts/postgres.ts'],
] as const) {
  test(`src/${from} must not import src/${to}`, () => {
    const up = from.includes('/') ? '../' : './'
    assert.equal(importsPointLeft(tree({ [`src/${from}`]: imports(up + to) })).length, 1)
    assert.equal(importsPointLeft(tree({ [`src/${from}`]: importsType(up + to) })).length, 1)
  })
}

test('a room that is not in the table fails', () => {
  assert.match(importsPointLeft(tree({ 'src/attic/box.ts': '' }))[0] ?? '', /room attic is not in the table/)
})

test('a cycle of values is found, one of types is none', () => {
  const cycle = { 'src/base/a.ts': imports('./b.ts'), 'src/base/b.ts': imports('./c.ts') }
  const values = noValueCycles(tree({ ...cycle, 'src/base/c.ts': imports('./a.ts') }))
  assert.deepEqual(values, ['import cycle: src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts'])
  assert.deepEqual(noValueCycles(tree({ ...cycle, 'src/base/c.ts': importsType('./a.ts') })), [])
})

test('two files that import one library are found', () => {
  const files = tree({ 'src/http/a.ts': imports('hono'), 'src/http/b.ts': imports('hono/cors') })
  assert.deepEqual(oneFileALibrary(files), ['hono is imported in 2 files: src/http/a.ts, src/http/b.ts'])
})

test('the types of a library stay in the room that imports it', () => {
  const near = tree({ 'src/http/a.ts': imports('hono'), 'src/http/b.ts': importsType('hono') })
  const far = tree({ 'src/http/a.ts': imports('hono'), 'src/cli/b.ts': importsType('hono') })
  assert.deepEqual(oneFileALibrary(near), [])
  assert.deepEqual(oneFileALibrary(far), ['hono is known in 2 rooms: http, cli'])
})

test('schemas are written everywhere, and builtins are no library', () => {
  const text = imports('zod') + importsType('@standard-schema/spec') + imports('node:fs')
  assert.deepEqual(oneFileALibrary(tree({ 'src/http/a.ts': text, 'src/cli/b.ts': text })), [])
})

test('define reaches Node neither itself nor through base', () => {
  const direct = tree({ 'src/define/a.ts': importsType('node:stream') })
  assert.deepEqual(browserRoomsLeaveNodeAlone(direct), [
    'src/define/a.ts imports node:stream, and src/define/a.ts runs in browsers',
  ])
  const through = tree({
    'src/define/a.ts': imports('../base/ids.ts'),
    'src/base/ids.ts': imports('./random.ts'),
    'src/base/random.ts': imports('node:crypto'),
  })
  assert.deepEqual(browserRoomsLeaveNodeAlone(through), [
    'src/base/random.ts imports node:crypto, and src/define/a.ts runs in browsers',
  ])
})

test('base may use Node where define does not reach', () => {
  const files = tree({
    'src/define/a.ts': importsType('../base/random.ts') + imports('zod'),
    'src/base/random.ts': imports('node:crypto'),
  })
  assert.deepEqual(browserRoomsLeaveNodeAlone(files), [])
})

test('the console imports types of the node, and its own values', () => {
  const files = tree({
    'console/main.tsx': imports('./app.tsx') + importsType('../src/define/item.ts') + imports('preact'),
    'console/app.tsx': imports('../src/define/item.ts') + imports('node:fs'),
  })
  assert.deepEqual(consoleKnowsTypesAlone(files), [
    'console/app.tsx imports values of ../src/define/item.ts',
    'console/app.tsx imports values of node:fs',
  ])
})

test('a file of 400 lines passes, one of 401 does not', () => {
  assert.deepEqual(filesAreShort(tree({ 'src/base/a.ts': 'x\n'.repeat(400) })), [])
  assert.equal(filesAreShort(tree({ 'src/base/a.ts': 'x\n'.repeat(401) })).length, 1)
})

for (const path of ['src/http/utils.ts', 'src/common/a.ts', 'src/base/helpers/a.ts', 'console/types.d.ts']) {
  test(`${path} is no name`, () => {
    assert.equal(namesSayWhatIsInside(tree({ [path]: '' })).length, 1)
  })
}

test('a name that contains such a word passes', () => {
  assert.deepEqual(
    namesSayWhatIsInside(tree({ 'src/base/node-types.ts': '', 'src/http/media-type.ts': '' })),
    [],
  )
})
