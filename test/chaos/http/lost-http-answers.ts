import { setTimeout as delay } from 'node:timers/promises'
import { ToldAnswers } from './told-answers.ts'

/** An answer as its caller sees it: `told` is the item's id, or what the service said. */
interface KeyAnswer {
  readonly status: number
  readonly told: string
  readonly code: string
  readonly isRepeat: boolean
}

/**
 * How the answers of a round are lost. `reset`: when they come; `twins`: so too, while another asks at the same time; `leave`: the
 * caller ends its connection at any moment, before or after COMMIT.
 */
export type LossKind = 'reset' | 'twins' | 'leave'
type Service = 'once' | 'answer'

const giveUpMs = 30_000

/** Callers over HTTP whose answers are lost, and who send the same request again under its Idempotency-Key. */
export class LostHttpAnswers {
  readonly #nodes: readonly [string, string]
  readonly #thief: string
  /** By service. */
  readonly told = { once: new ToldAnswers(), answer: new ToldAnswers() }
  /** First requests whose answer did not come. */
  lost = 0
  /** Another body under a key, refused with 422; and taken. */
  refused = 0
  takenWrongly = 0
  /** Twins that were told that the other one runs. */
  inUse = 0
  /** Requests that were answered otherwise than they may be. */
  readonly problems: string[] = []

  /** @param thief where no answer comes from */
  constructor(nodes: readonly [string, string], thief: string) {
    this.#nodes = nodes
    this.#thief = thief
  }

  async round(
    service: Service,
    first: number,
    count: number,
    how: LossKind,
    random: () => number,
  ): Promise<void> {
    const all = Array.from({ length: count }, (_, at) => first + at)
    await Promise.all(all.map((at) => this.#one(service, at, how, random)))
  }

  async #one(service: Service, at: number, how: LossKind, random: () => number): Promise<void> {
    const key = `${service}-${at}`
    const [one, other] = this.#nodes
    const asked =
      how === 'leave'
        ? this.#post(one, service, key, 1, AbortSignal.timeout(1 + Math.floor(random() * 25)))
        : this.#post(this.#thief, service, key, 1)
    const twin = how === 'twins' ? this.#post(other, service, key, 1) : undefined
    const answer = await asked
    if (answer) this.#see(service, key, answer)
    else this.lost++
    const told = await twin
    if (told) this.#see(service, key, told)
    const again = await Promise.all([this.#until(one, service, key), this.#until(other, service, key)])
    for (const each of again) if (each) this.#see(service, key, each)
    if (again.includes(undefined)) this.problems.push(`${key}: no answer`)
    if (at % 10 === 0) await this.#clash(random() < 0.5 ? one : other, service, key)
  }

  #see(service: Service, key: string, { status, told, code, isRepeat }: KeyAnswer): void {
    if (code === 'IDEMPOTENCY_KEY_IN_USE') this.inUse++
    else if (status !== (service === 'once' ? 202 : 200)) this.problems.push(`${key}: ${status} ${code}`)
    else this.told[service].add(key, told, !isRepeat)
  }

  /** Asks until it is not told that the first one still runs. */
  async #until(url: string, service: Service, key: string): Promise<KeyAnswer | undefined> {
    for (const until = performance.now() + giveUpMs; performance.now() < until;) {
      const answer = await this.#post(url, service, key, 1)
      if (answer && answer.code !== 'IDEMPOTENCY_KEY_IN_USE') return answer
      await delay(20)
    }
    return undefined
  }

  async #clash(url: string, service: Service, key: string): Promise<void> {
    const answer = await this.#post(url, service, key, 2)
    if (answer?.status === 422 && answer.code === 'IDEMPOTENCY_KEY_REUSED') this.refused++
    else if (answer && answer.status < 300) this.takenWrongly++
    else this.problems.push(`${key}, another body: ${answer?.status} ${answer?.code}`)
  }

  /** @returns undefined where no answer came */
  async #post(
    url: string,
    service: Service,
    key: string,
    n: number,
    signal?: AbortSignal,
  ): Promise<KeyAnswer | undefined> {
    try {
      const answer = await fetch(`${url}/services/chaos/${service}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `"${key}"` },
        body: JSON.stringify({ key, n }),
        ...(signal && { signal }),
      })
      const body = (await answer.json()) as { id?: string; token?: string; code?: string }
      return {
        status: answer.status,
        told: body.id ?? body.token ?? '',
        code: body.code ?? '',
        isRepeat: answer.headers.get('idempotency-replayed') === 'true',
      }
    } catch {
      return undefined
    }
  }
}
