import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import type { QueueSetting } from '../store/queue-control.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { QueueControl } from './queue-control.ts'
import type { Tracer } from './tracer.ts'

export interface QueueControlsParts {
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly dispatcher: Dispatcher
  readonly events: Events
  readonly tracer: Tracer
  /** There is more to read and to start. */
  readonly onGoOn: () => void
}

/** What operators have set for queues, as the database says: noted with each look at who owns what, and carried out here. */
export class QueueControls {
  readonly #parts: QueueControlsParts
  readonly #byQueue = new Map<number, QueueControl>()
  #isTracing = false

  constructor(parts: QueueControlsParts) {
    this.#parts = parts
  }

  of(queue: number): QueueControl {
    let control = this.#byQueue.get(queue)
    if (!control) this.#byQueue.set(queue, (control = new QueueControl()))
    return control
  }

  /** Takes what the database says; what has changed comes into force at once. */
  async note(settings: readonly QueueSetting[]): Promise<void> {
    const seen = new Set<number>()
    await this.#watch(settings.some(({ isTraced }) => isTraced))
    for (const setting of settings) {
      // There is one for each partition.
      if (seen.has(setting.queue)) continue
      seen.add(setting.queue)
      this.#take(setting, this.of(setting.queue))
    }
  }

  /** Nothing is asked for while nobody watches. */
  async #watch(isAnyTraced: boolean): Promise<void> {
    const { tracer } = this.#parts
    if (!isAnyTraced && !this.#isTracing) return
    this.#isTracing = isAnyTraced
    const queues = await tracer.learn()
    for (const [queue, control] of this.#byQueue) control.tracer = queues.has(queue) ? tracer : undefined
  }

  #take({ queue, state, perNode, restarts }: QueueSetting, control: QueueControl): void {
    const before = { state: control.state, perNode: control.perNode }
    const isRestarted = control.restarts !== undefined && restarts > control.restarts
    control.state = state
    control.perNode = perNode
    control.restarts = restarts
    if (before.state !== state) this.#parts.events.emit('queue.state', { queue, state })
    if (isRestarted || (state === 'stopped' && before.state !== 'stopped')) this.#end(queue, state)
    if (state !== 'running') return
    if (before.state !== 'running') this.#goOn(queue)
    else if (before.perNode !== perNode) this.#parts.dispatcher.pump()
  }

  #end(queue: number, state: QueueControl['state']): void {
    const error = new CoatcheckError(
      'QUEUE_STOPPED',
      `the queue was ${state === 'running' ? 'restarted' : 'stopped'}; the attempt is not counted, and the item runs again ${state === 'running' ? 'at once' : 'when the queue is started'}`,
    )
    for (const work of this.#parts.dispatcher.runningItems())
      if (work.partition.queue === queue) work.attempt?.cancel(error)
  }

  /** As after a takeover, what waits in the lane is gone through from its beginning: while it was paused nobody looked. */
  #goOn(queue: number): void {
    const { owned, dispatcher, onGoOn } = this.#parts
    for (const partition of owned.values()) {
      if (partition.queue !== queue || partition.lost) continue
      partition.startOver()
      dispatcher.goOn(partition)
    }
    onGoOn()
    dispatcher.pump()
  }
}
