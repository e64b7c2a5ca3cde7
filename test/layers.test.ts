import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { test } from 'node:test'
import * as rules from './layers/rules.ts'
import { readSource } from './layers/source-file.ts'

const paths = globSync(['src/**/*.ts', 'console/**/*.{ts,tsx}'], { exclude: ['**/node_modules', '**/dist'] })
const files = paths.map((path) => readSource(path.split(sep).join('/'), readFileSync(path, 'utf8')))

test('there are files to look at', () => {
  assert.notEqual(files.length, 0)
})

test('imports point left in the table of rooms', () => {
  assert.deepEqual(rules.importsPointLeft(files), [])
})

test('no file imports its own values back', () => {
  assert.deepEqual(rules.noValueCycles(files), [])
})

test('a library is imported in one file', () => {
  assert.deepEqual(rules.oneFileALibrary(files), [])
})

test('what browsers load imports nothing of Node', () => {
  assert.deepEqual(rules.browserRoomsLeaveNodeAlone(files), [])
})

test('the console imports nothing but types of the node', () => {
  assert.deepEqual(rules.consoleKnowsTypesAlone(files), [])
})

test('no file is longer than 400 lines', () => {
  assert.deepEqual(rules.filesAreShort(files), [])
})

test('files are named for what they hold', () => {
  assert.deepEqual(rules.namesSayWhatIsInside(files), [])
})
