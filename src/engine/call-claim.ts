import { CoatcheckError } from '../base/errors.ts'
import { createUuid } from '../base/ids.ts'
import { ReadJson } from '../base/json.ts'
import { showValue } from '../base/shown-value.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Runner } from '../store/driver.ts'
import { answerCall, claimCall, releaseCall, renewCall, type CallRow } from '../store/idempotent-calls.ts'
import type { CallClaim, IdempotentCall, RecordedAnswer } from './face.ts'
import { digestOf } from './prepare.ts'

/** A node that died has its calls run again after this. */
const leaseMs = 30_000
const renewEveryMs = 8_000

/** A call that runs under its Idempotency-Key: nobody else runs it, unless its lease is lost. */
export class RunningCall implements CallClaim {
  readonly #database: OpenDatabase
  readonly #row: CallRow
  readonly #timer: NodeJS.Timeout
  #goodAt = performance.now()

  private constructor(database: OpenDatabase, row: CallRow, onLost: (error: CoatcheckError) => void) {
    this.#database = database
    this.#row = row
    this.#timer = setInterval(() => void this.#renew(onLost), renewEveryMs)
  }

  /**
   * Takes a call.
   * @param onLost told when it is not known any more that nobody else runs it
   * @returns the claim, or what it was answered with before
   * @throws CoatcheckError `IDEMPOTENCY_KEY_IN_USE` while another request runs it, `IDEMPOTENCY_KEY_REUSED`
   */
  static async take(
    database: OpenDatabase,
    call: IdempotentCall,
    input: unknown,
    onLost: (error: CoatcheckError) => void,
  ): Promise<RunningCall | RecordedAnswer> {
    const row = {
      ...call,
      digest: digestOf(input instanceof ReadJson ? input.value : input),
      holder: createUuid(),
    }
    const known = await claimCall(database.driver, database.schema, row, leaseMs)
    if (!known) return new RunningCall(database, row, onLost)
    if (known.digest !== row.digest)
      throw new CoatcheckError(
        'IDEMPOTENCY_KEY_REUSED',
        `the Idempotency-Key ${showValue(call.key)} stands for another payload; make a new key for a new request`,
      )
    if (known.answer === undefined)
      throw new CoatcheckError(
        'IDEMPOTENCY_KEY_IN_USE',
        `the first request with the Idempotency-Key ${showValue(call.key)} has not been answered yet; ask again in a moment`,
        { retryAfterMs: 1_000 },
      )
    return JSON.parse(known.answer) as RecordedAnswer
  }

  /**
   * Records the answer, in the transaction of what the call has done.
   * @throws CoatcheckError `LEASE_LOST`, at which the transaction rolls back
   */
  async record(runner: Runner, answer: RecordedAnswer): Promise<void> {
    if (await answerCall(runner, this.#database.schema, this.#row, JSON.stringify(answer))) return
    throw new CoatcheckError(
      'LEASE_LOST',
      `the request with the Idempotency-Key ${showValue(this.#row.key)} was taken for dead; another one runs it`,
    )
  }

  async answer(problem: object): Promise<void> {
    this.end()
    await this.record(this.#database.driver, { kind: 'problem', problem })
  }

  /** As if the call had never come. */
  async release(): Promise<void> {
    this.end()
    await releaseCall(this.#database.driver, this.#database.schema, this.#row)
  }

  /** Renews no more. */
  end(): void {
    clearInterval(this.#timer)
  }

  async #renew(onLost: (error: CoatcheckError) => void): Promise<void> {
    const sentAt = performance.now()
    const isMine = await renewCall(this.#database.driver, this.#database.schema, this.#row, leaseMs).catch(
      () => undefined,
    )
    if (isMine) this.#goodAt = sentAt
    // Well before another one may begin.
    if (isMine === false || performance.now() - this.#goodAt > (leaseMs * 2) / 3)
      onLost(new CoatcheckError('LEASE_LOST', 'the request may be run again by another one'))
  }
}
