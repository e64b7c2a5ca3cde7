import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { errorCatalogue } from '../../src/base/errors.ts'
import { packageVersion } from '../../src/base/version.ts'

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The code in the first column of each table row, with the second. */
function rowsOf(text: string): Map<string, string> {
  return new Map(
    Array.from(text.matchAll(/^\| `([^`]+)`[^|]*\| ([^|]+?) *\|/gm), (match) => [
      match[1] as string,
      match[2] as string,
    ]),
  )
}

test('errors.md lists the catalogue, with its statuses, and nothing else', async () => {
  const rows = rowsOf(await read('docs/reference/errors.md'))
  const expected = new Map(Object.entries(errorCatalogue).map(([code, { status }]) => [code, String(status)]))
  assert.deepEqual(rows, expected)
})

test('events.md lists the events, and nothing else', async () => {
  const source = await read('src/base/events.ts')
  const map = source.slice(source.indexOf('interface EventMap'), source.indexOf('export type EventName'))
  const names = Array.from(map.matchAll(/^ {2}'?([\w.-]+)'?: \{/gm), (match) => String(match[1]))
  assert.ok(names.length > 5)
  assert.deepEqual([...rowsOf(await read('docs/reference/events.md')).keys()], names)
})

test('node.md lists the options of createNode, and nothing else', async () => {
  const source = await read('src/node/options.ts')
  const options = source.slice(source.indexOf('interface NodeOptions'), source.indexOf('const known'))
  const names = Array.from(options.matchAll(/^ {2}readonly (\w+)\??:/gm), (match) => String(match[1]))
  const page = await read('docs/reference/node.md')
  const table = page.slice(page.indexOf('## Options'), page.indexOf('## What a node does'))
  assert.deepEqual(
    [...rowsOf(table).keys()].toSorted((a, b) => a.localeCompare(b)),
    names.toSorted((a, b) => a.localeCompare(b)),
  )
})

test('the links of the README and ARCHITECTURE lead somewhere', async () => {
  for (const page of ['README.md', 'ARCHITECTURE.md']) {
    for (const [, target] of (await read(page)).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      if (!target?.endsWith('.md')) continue
      await assert.doesNotReject(read(target), `${page} links to ${target}`)
    }
  }
})

test('nodes enter the version of package.json', async () => {
  const manifest = JSON.parse(await read('package.json')) as { version: string }
  assert.equal(packageVersion, manifest.version)
})
