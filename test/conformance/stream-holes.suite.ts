import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Stream } from '../../src/stream/stream.ts'
import { until } from '../store/until.ts'
import { awkward, itemsOf, plenty, rowFor, type StreamSubject } from './stream-subject.ts'

/** How a log tells what will never come, and forgets what nobody needs. */
export function streamHolesSuite(name: string, open: () => Promise<StreamSubject>): void {
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
    const readAll = (partition = 0) => stream.read([{ queue, partition, from: 0 }], plenty)

    describe('holes', () => {
      test('a seq that a rollback has left behind is dead', async () => {
        await stream.append([row(['0'])])
        // Refused by the row beside it, after it has its seq.
        const wrong = { ...row(['wrong']), count: 5_000 }
        await assert.rejects(stream.append([row(['1']), wrong]))
        await stream.append([row(['2'])])
        const seqs = (await readAll()).map(({ seq }) => seq)
        const seq = seqs.at(-1)! - 1
        assert.ok(!seqs.includes(seq))
        const mark = await stream.markHoles()
        // Transactions of other tests on the server may be older than the mark; they end.
        await until('it is judged', async () => {
          const [verdict] = await stream.judgeHoles([{ queue, partition: 0, seq, mark }], plenty)
          return verdict?.state !== 'open'
        })
        assert.deepEqual(await stream.judgeHoles([{ queue, partition: 0, seq, mark }], plenty), [
          { queue, partition: 0, seq, state: 'dead' },
        ])
      })

      for (const how of ['commit', 'rollback'] as const)
        test(`a seq is open until the transaction that has it ends (${how})`, async (t) => {
          if (!subject.begin) return t.skip('only one transaction can be open')
          const { tx, end } = await subject.begin()
          await stream.append([row([awkward])], { tx })
          await stream.append([row(['seen'])])
          assert.deepEqual(
            (await readAll()).map(({ seq }) => seq),
            [1],
          )
          const hole = { queue, partition: 0, seq: 0, mark: await stream.markHoles() }
          const place = { queue, partition: 0, seq: 0 }
          assert.deepEqual(await stream.judgeHoles([hole], plenty), [{ ...place, state: 'open' }])
          // One that began after the mark cannot have it, however long it stays.
          const later = await subject.begin()
          await stream.append([row(['later'])], { tx: later.tx })
          await end(how)
          const [found] = await readAll()
          const verdict =
            how === 'commit' ? { ...place, state: 'filled', row: found } : { ...place, state: 'dead' }
          assert.deepEqual(await stream.judgeHoles([hole], plenty), [verdict])
          await later.end('rollback')
        })

      test('rows of filled holes come in the order asked, as far as the limits go', async () => {
        const texts = ['a', 'b', 'c'.repeat(40), 'd', 'e']
        await stream.append(texts.map((text) => row([text, text])))
        const mark = await stream.markHoles()
        const rows = async (seqs: readonly number[], items: number, bytes: number) => {
          const holes = seqs.map((seq) => ({ queue, partition: 0, seq, mark }))
          const verdicts = await stream.judgeHoles(holes, { items, bytes })
          assert.deepEqual(
            verdicts.map(({ seq }) => seq),
            seqs,
          )
          assert.deepEqual(new Set(verdicts.map(({ state }) => state)), new Set(['filled']))
          return verdicts.flatMap(({ row: found }) => (found ? [found.seq] : []))
        }
        assert.deepEqual(await rows([4, 1, 0, 3], 1_000, 1_000), [4, 1, 0, 3])
        assert.deepEqual(await rows([4, 1, 0, 3], 4, 1_000), [4, 1])
        assert.deepEqual(await rows([0, 1, 2, 3, 4], 1_000, 50), [0, 1])
        // The first one in any case, unless none is wanted.
        assert.deepEqual(await rows([2, 3], 1, 1), [2])
        assert.deepEqual(await rows([2, 3], 0, 1_000), [])
      })
    })

    describe('trim', () => {
      test('deletes what lies before a seq and is two minutes old', async () => {
        await stream.append([row(['0']), row(['1']), row(['2']), row(['other'], 1)])
        assert.equal(await stream.trim(queue, 0, 2, 100), 0)
        await subject.advance(119_000)
        assert.equal(await stream.trim(queue, 0, 2, 100), 0)
        await stream.append([row(['young'])])
        await subject.advance(2_000)
        assert.equal(await stream.trim(queue, 0, 2, 1), 1)
        assert.deepEqual(itemsOf(await readAll()), ['1', '2', 'young'])
        assert.equal(await stream.trim(queue, 0, 2, 100), 1)
        assert.deepEqual(itemsOf(await readAll()), ['2', 'young'])
        assert.equal(await stream.trim(queue, 0, 10, 100), 1)
        assert.deepEqual(itemsOf([...(await readAll()), ...(await readAll(1))]), ['young', 'other'])
      })

      test('leaves the rows of holes that are watched', async () => {
        await stream.append([row(['0']), row(['late']), row(['2'])])
        await subject.recordHole(queue, 0, 1)
        await subject.advance(121_000)
        assert.equal(await stream.trim(queue, 0, 10, 100), 2)
        assert.deepEqual(itemsOf(await readAll()), ['late'])
      })
    })
  })
}
