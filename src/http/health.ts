import { createRowId } from '../base/ids.ts'
import type { Road } from '../engine/face.ts'
import { answerJson, type Answer } from './message.ts'
import { answerProblem, problemOf } from './problem.ts'

/** `development`: the embedded database, whose writes a power cut can lose. */
export type Durability = 'development' | 'durable'

/** An id that no item has: asking for it takes the way of every status request, down to the database. */
const nobody = createRowId(0, 0, 0)
const deadlineMs = 3000

/** `GET /healthz`: the process lives. */
export function answerHealth(): Answer {
  return answerJson({ status: 'alive' })
}

/** So long what the database was last seen to be is told to everybody: nobody needs to be known to ask. */
const keptMs = 100

/** `GET /readyz`: the database answers, so work can be taken in. However many ask, one question at a time goes to the database. */
export class Readiness {
  readonly #road: Road
  readonly #durability: Durability
  #look: Promise<boolean> | undefined

  constructor(road: Road, durability: Durability) {
    this.#road = road
    this.#durability = durability
  }

  async answer(): Promise<Answer> {
    const durability = this.#durability
    if (await (this.#look ??= this.#begin())) return answerJson({ status: 'ready', durability })
    const problem = problemOf('DATABASE_UNREACHABLE', 'the database did not answer; nothing can be taken in')
    const answer = { ...problem, durability }
    return answerProblem(answer)
  }

  async #begin(): Promise<boolean> {
    const isReady = await isReachable(this.#road)
    setTimeout(() => (this.#look = undefined), keptMs).unref()
    return isReady
  }
}

async function isReachable(road: Road): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, deadlineMs, false)
  road.item(nobody).then(
    () => resolve(true),
    () => resolve(false),
  )
  const reachable = await promise
  clearTimeout(timer)
  return reachable
}
