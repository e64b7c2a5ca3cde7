import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { cases } from './cases.ts'
import { changed } from './mutant.ts'
import { mutants } from './mutants.ts'

const root = join(import.meta.dirname, '..', '..')

describe('each mutant fits the sources, and a case is there to notice it', () => {
  for (const { name, noticedBy, changes } of mutants)
    it(name, async () => {
      assert.ok(
        cases.some(({ number }) => number === noticedBy),
        `there is no case ${noticedBy}`,
      )
      for (const change of changes) {
        const { text } = await changed(change, root)
        assert.ok(text.includes(change.replace))
        assert.ok(!text.includes(change.find) || change.replace.includes(change.find))
      }
    })
})
