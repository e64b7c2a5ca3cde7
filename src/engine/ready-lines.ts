import { Fifo } from './fifo.ts'
import type { QueueControl } from './queue-control.ts'
import type { WorkItem } from './work-item.ts'

/** The ready items of one queue. */
interface ReadyLine {
  readonly queue: number
  readonly control: QueueControl
  /** Of this definition and queue. */
  running: number
  readonly read: Fifo<WorkItem>
  /** From the lane: they waited for their time already, and come before what was read ahead. */
  readonly due: Fifo<WorkItem>
}

/** What is ready to start of one definition. Its queues take turns: what is many on one does not keep those of another waiting. */
export class ReadyLines {
  readonly #lines: ReadyLine[] = []
  #turn = 0

  get size(): number {
    let size = 0
    for (const { read, due } of this.#lines) size += read.size + due.size
    return size
  }

  push(work: WorkItem): void {
    const line = this.#lineOf(work.partition)
    if (work.waiting) line.due.push(work)
    else line.read.push(work)
  }

  /**
   * @param hasSlot whether its definition has a slot: those of some queues need none of it
   * @param only whether a queue's next may be taken
   */
  shift(hasSlot: boolean, only?: (work: WorkItem) => boolean): WorkItem | undefined {
    for (let tried = 0; tried < this.#lines.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#lines.length
      const line = this.#lines[this.#turn]
      if (!line?.control.admits(hasSlot)) continue
      const next = only && (line.due.peek() ?? line.read.peek())
      if (next && !only(next)) continue
      const work = line.due.shift() ?? line.read.shift()
      if (work) return work
    }
    return undefined
  }

  /** One more of a queue runs, or one less. */
  count({ partition }: WorkItem, change: 1 | -1): void {
    partition.control.running += change
    this.#lineOf(partition).running += change
  }

  /** How many run whose queue has a concurrency of its own. */
  get runningBeside(): number {
    let beside = 0
    for (const { control, running } of this.#lines) if (control.perNode !== undefined) beside += running
    return beside
  }

  /** The first so many, of each queue an equal share. They stay. */
  first(count: number): WorkItem[] {
    const share = Math.ceil(count / this.#lines.length)
    return this.#lines.flatMap(({ read, due }) => [...due.first(share), ...read.first(share)].slice(0, share))
  }

  each(visit: (work: WorkItem) => void): void {
    for (const { read, due } of this.#lines) {
      due.each(visit)
      read.each(visit)
    }
  }

  /** Visits the first of each queue: what was read, and what was due. */
  eachHead(visit: (work: WorkItem) => void): void {
    for (const { read, due } of this.#lines)
      for (const head of [due.peek(), read.peek()]) if (head) visit(head)
  }

  /** Takes out all, those of one queue in order. */
  drain(): WorkItem[] {
    return this.#lines.flatMap(({ read, due }) => [...due.drain(), ...read.drain()])
  }

  #lineOf({ queue, control }: WorkItem['partition']): ReadyLine {
    const known = this.#lines.find((line) => line.queue === queue)
    if (known) return known
    const line = { queue, control, running: 0, read: new Fifo<WorkItem>(), due: new Fifo<WorkItem>() }
    this.#lines.push(line)
    return line
  }
}
