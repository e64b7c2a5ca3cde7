import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import { describe, test, type TestContext } from 'node:test'
import { CoatcheckError, isCoatcheckError } from '../../src/base/errors.ts'
import { DatabaseClock } from '../../src/engine/database-clock.ts'
import { sendSurely } from '../../src/engine/resend.ts'

const lost = (ambiguous = true) =>
  Object.assign(new CoatcheckError('DATABASE_UNREACHABLE', 'the connection was lost'), { ambiguous })
const isUnknown = (cause: unknown) => (error: unknown) =>
  isCoatcheckError(error, 'OUTCOME_UNKNOWN') && (error as Error).cause === cause
const databaseNow = 1_000_000

/** A send that does one thing after the other, the last one again and again. */
function sending(...answers: readonly (number | Error)[]) {
  const sent: number[] = []
  const send = async (notAfter: number): Promise<number> => {
    const answer = answers[Math.min(sent.push(notAfter), answers.length) - 1]!
    if (answer instanceof Error) throw answer
    return answer
  }
  return { sent, send }
}

const clock = () => new DatabaseClock(() => Promise.resolve(databaseNow))

/** Time goes on only as the test says, in whole milliseconds: what is left of a deadline comes out even. */
function holdTime(t: TestContext) {
  let now = Math.ceil(performance.now())
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.timers.reset()
    syncBuiltinESMExports()
  })
  return {
    advance(milliseconds: number): void {
      now += milliseconds
      t.mock.timers.tick(milliseconds)
    },
  }
}

/** Lets what was woken run on to its next wait. */
async function settle(): Promise<void> {
  for (let at = 0; at < 5; at++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a flush that is sent surely', () => {
  test('is sent once where it is answered', async () => {
    const { sent, send } = sending(5)
    assert.equal(await sendSurely(clock(), send), 5)
    assert.deepEqual(sent, [databaseNow + 60_000])
  })

  test('what was waited before counts, and two seconds are left in any case', async (t) => {
    const time = holdTime(t)
    for (const [waitedMs, leftMs] of [
      [0, 4_500],
      [1_000, 3_500],
      [4_400, 2_000],
    ] as const) {
      const { send } = sending(lost())
      let over: unknown
      sendSurely(clock(), send, { waitedMs }).catch((error: unknown) => (over = error))
      for (let ms = 0; ms < leftMs; ms += 10) {
        await settle()
        assert.equal(over, undefined, `${waitedMs}: ${ms}`)
        time.advance(10)
      }
      await settle()
      assert.ok(isCoatcheckError(over, 'OUTCOME_UNKNOWN'), `${waitedMs}: after ${leftMs} ms`)
    }
  })

  test('is not sent again where nothing can have happened', async () => {
    for (const error of [lost(false), new Error('CC001')]) {
      const { sent, send } = sending(error)
      await assert.rejects(sendSurely(clock(), send), error)
      assert.equal(sent.length, 1)
    }
  })

  test('waits for a connection as long as its callers can, and is sent over the next one', async (t) => {
    const none = new CoatcheckError('DATABASE_TIMEOUT', 'no connection was free')
    const one = sending(none, none, 5)
    assert.equal(await sendSurely(clock(), one.send, { again: false }), 5)
    assert.equal(one.sent.length, 3)
    // Nor does it make anything of an answer that was lost before.
    const two = sending(lost(), none, 5)
    assert.equal(await sendSurely(clock(), two.send), 5)
    const time = holdTime(t)
    let thrown: unknown
    sendSurely(clock(), sending(none).send).catch((error: unknown) => (thrown = error))
    for (let waited = 0; waited < 4_500; waited += 10) {
      await settle()
      assert.equal(thrown, undefined)
      time.advance(10)
    }
    await settle()
    assert.equal(thrown, none)
  })

  test('is sent again as it was, with the same deadline, where the answer was lost', async () => {
    const { sent, send } = sending(lost(), lost(false), lost(), 7)
    assert.equal(await sendSurely(clock(), send), 7)
    assert.deepEqual(sent, [1, 2, 3, 4].fill(databaseNow + 60_000))
  })

  test('has an unknown outcome where it is refused after an answer was lost', async () => {
    const late = Object.assign(new Error('too late'), { code: 'CC002' })
    const { sent, send } = sending(lost(), late)
    await assert.rejects(sendSurely(clock(), send), isUnknown(late))
    assert.equal(sent.length, 2)
  })

  test('has an unknown outcome after four and a half seconds, and is not sent after that', async (t) => {
    const time = holdTime(t)
    const first = lost()
    const { sent, send } = sending(first, lost())
    let outcome: unknown
    sendSurely(clock(), send).catch((error: unknown) => (outcome = error))
    await settle()
    for (let waited = 0; waited < 4_400; waited += 100) {
      time.advance(100)
      await settle()
    }
    assert.equal(outcome, undefined)
    const before = sent.length
    assert.ok(before >= 6 && before <= 10, `sent ${before} times`)
    for (let waited = 0; waited < 2_000 && outcome === undefined; waited += 100) {
      time.advance(100)
      await settle()
    }
    assert.ok(isUnknown(first)(outcome), String(outcome))
    const last = sent.length
    time.advance(60_000)
    await settle()
    assert.equal(sent.length, last)
  })

  test('is not sent again where there is no time for it', async () => {
    const error = lost()
    const { sent, send } = sending(error, 7)
    await assert.rejects(sendSurely(clock(), send, { again: false }), isUnknown(error))
    assert.equal(sent.length, 1)
  })
})
