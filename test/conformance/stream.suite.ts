import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { itemIdAt, parseItemId, rowIdOf } from '../../src/base/ids.ts'
import { rowsAtOnce, type Stream, type StreamRow } from '../../src/stream/stream.ts'
import { until } from '../store/until.ts'
import { awkward, itemsOf, plenty, rowFor, type StreamSubject } from './stream-subject.ts'

const failsWith = (code: string) => (error: unknown) => {
  assert.equal((error as { code?: unknown }).code, code)
  return true
}

/** What every log does alike. */
export function streamSuite(name: string, open: () => Promise<StreamSubject>): void {
  describe(`the stream of ${name}`, () => {
    let subject: StreamSubject
    let stream: Stream
    let queue: number
    before(async () => {
      subject = await open()
      stream = subject.stream
    })
    beforeEach(async () => {
      queue = await subject.makeQueue(3)
    })
    after(() => subject.close())

    const row = (items: readonly unknown[], partition = 0) => rowFor(queue, items, partition)
    const readAll = (partition = 0, from = 0) => stream.read([{ queue, partition, from }], plenty)

    describe('append', () => {
      test('keeps a row as it is, and answers when it came', async () => {
        const given = row([awkward, 2])
        const at = await stream.append([given])
        const { generation: _, ...expected } = given
        assert.deepEqual(await readAll(), [{ ...expected, seq: 0, at }])
      })

      test('takes one row or hundreds, into several partitions at once', async () => {
        for (const count of [1, 32, 33, 300]) {
          queue = await subject.makeQueue(3)
          const rows = Array.from({ length: count }, (_, at) => row([`${awkward}${at}`], at % 3))
          await stream.append(rows)
          for (const partition of [0, 1, 2]) {
            const mine = rows.filter((one) => one.partition === partition)
            const found: StreamRow[] = []
            while (found.length < mine.length) found.push(...(await readAll(partition, found.length)))
            assert.deepEqual(
              found.map(({ seq, flush, text }) => ({ seq, flush, text })),
              mine.map(({ flush, text }, seq) => ({ seq, flush, text })),
            )
          }
        }
      })

      test('an id leads to its row', async () => {
        const given = row(['a', 'b', 'c'], 2)
        await stream.append([given])
        const id = itemIdAt(given.flush, 2)
        const parts = parseItemId(id)
        assert.deepEqual([parts.queue, parts.partition, parts.index], [queue, 2, 2])
        const found = (await readAll(parts.partition)).find(({ flush }) => flush === rowIdOf(id))
        assert.equal((JSON.parse(found!.text) as unknown[])[parts.index], 'c')
      })

      test('accepts what is sent again once, and what is new beside it', async () => {
        const given = row(['once'])
        await stream.append([given])
        await Promise.all([stream.append([given]), subject.elsewhere.append([given])])
        await stream.append([given, row(['new'])])
        assert.deepEqual(itemsOf(await readAll()), ['once', 'new'])
      })

      test('accepts what two send at the same time once', async () => {
        for (let turn = 0; turn < 20; turn++) {
          const given = row([turn])
          await Promise.all([stream.append([given]), subject.elsewhere.append([given])])
        }
        assert.deepEqual(
          itemsOf(await readAll()),
          Array.from({ length: 20 }, (_, turn) => turn),
        )
      })

      test('refuses itself when it comes too late', async () => {
        const now = await stream.append([row(['first'])])
        await stream.append([row(['in time'])], { notAfter: now + 60_000 })
        await assert.rejects(stream.append([row(['late'])], { notAfter: now - 1 }), failsWith('CC002'))
        await subject.advance(60_001)
        await assert.rejects(stream.append([row(['late'])], { notAfter: now + 60_000 }), failsWith('CC002'))
        assert.deepEqual(itemsOf(await readAll()), ['first', 'in time'])
      })

      test('refuses all where one was counted with other partitions', async () => {
        const wrong = { ...row(['wrong'], 1), generation: 2 }
        await assert.rejects(stream.append([row(['right']), wrong]), failsWith('CC001'))
        assert.deepEqual(await readAll(), [])
      })

      test('goes with the transaction it is given', async (t) => {
        if (!subject.begin) return t.skip('only one transaction can be open')
        for (const how of ['rollback', 'commit'] as const) {
          const { tx, end } = await subject.begin()
          await stream.append([row([how])], { tx })
          assert.deepEqual(await readAll(), [])
          await end(how)
        }
        assert.deepEqual(itemsOf(await readAll()), ['commit'])
      })
    })

    describe('read', () => {
      /** Reads on until all is there. */
      async function readOn(limits: { items: number; bytes: number }, rows: number): Promise<StreamRow[][]> {
        const reads: StreamRow[][] = []
        let from = 0
        while (from < rows) {
          const read = await stream.read([{ queue, partition: 0, from }], limits)
          assert.ok(read.length > 0, 'a read that found nothing would never end')
          reads.push(read)
          from = read.at(-1)!.seq + 1
        }
        assert.deepEqual(
          reads.flat().map(({ seq }) => seq),
          Array.from({ length: rows }, (_, seq) => seq),
        )
        return reads
      }
      const countOf = (rows: readonly StreamRow[]) => rows.reduce((sum, { count }) => sum + count, 0)

      test('gives whole rows, and not many more items than asked for', async () => {
        await stream.append(
          Array.from({ length: 20 }, (_, at) => row(Array.from({ length: (at % 7) + 1 }, () => at))),
        )
        for (const read of await readOn({ items: 10, bytes: 1e9 }, 20))
          assert.ok(countOf(read.slice(0, -1)) < 10)
      })

      test('gives not many more bytes than asked for, and a large row all the same', async () => {
        await stream.append(Array.from({ length: 12 }, (_, at) => row(['é'.repeat(at === 5 ? 50_000 : 500)])))
        const reads = await readOn({ items: 1e9, bytes: 3_000 }, 12)
        for (const read of reads)
          assert.ok(Buffer.byteLength(read.slice(0, -1).reduce((all, { text }) => all + text, '')) < 3_000)
      })

      test('gives so many rows at most', async () => {
        await stream.append(Array.from({ length: rowsAtOnce + 6 }, () => row(['x'])))
        assert.deepEqual(
          (await readOn(plenty, rowsAtOnce + 6)).map((read) => read.length),
          [rowsAtOnce, 6],
        )
      })

      test('reads on in several partitions and queues at once, each from its place', async () => {
        const first = queue
        await stream.append([row(['a0']), row(['a1']), row(['b0'], 1), row(['c0'], 2)])
        queue = await subject.makeQueue(1)
        await stream.append([row(['d0'])])
        const rows = await stream.read(
          [
            { queue: first, partition: 0, from: 1 },
            { queue: first, partition: 1, from: 0 },
            { queue: first, partition: 2, from: 1 },
            { queue, partition: 0, from: 0 },
          ],
          plenty,
        )
        assert.deepEqual((itemsOf(rows) as string[]).toSorted(), ['a1', 'b0', 'd0'])
      })

      test('shares what it gives among those that ask', async () => {
        const many = (partition: number) => Array.from({ length: 10 }, () => row(['x'], partition))
        await stream.append([...many(0), ...many(1)])
        const requests = [0, 1].map((partition) => ({ queue, partition, from: 0 }))
        const rows = await stream.read(requests, { items: 8, bytes: 1e9 })
        for (const partition of [0, 1])
          assert.equal(countOf(rows.filter((one) => one.partition === partition)), 4)
      })
    })

    test('hints are heard elsewhere, until one no longer listens', async () => {
      const heard: string[] = []
      const heardBefore: string[] = []
      const stopFirst = await subject.elsewhere.onHint((...place) => heardBefore.push(place.join('/')))
      const stop = await subject.elsewhere.onHint((...place) => heard.push(place.join('/')))
      stream.hint([
        { queue, partition: 0 },
        { queue, partition: 1 },
      ])
      stream.hint([{ queue, partition: 0 }])
      await until('both were heard', () => heard.length >= 2 && heardBefore.length >= 2)
      assert.deepEqual(heard.toSorted(), [`${queue}/0/false`, `${queue}/1/false`])
      await stopFirst()
      stream.hint([{ queue, partition: 2 }])
      await until('the third was heard', () => heard.length >= 3)
      assert.equal(heardBefore.length, 2)
      stream.hint([{ queue, partition: 2 }], true)
      await until('the fourth was heard', () => heard.length >= 4)
      assert.equal(heard[3], `${queue}/2/true`)
      await stop()
    })
  })
}
