import { Fifo } from './fifo.ts'
import type { WorkItem } from './work-item.ts'

/** The ready items of one queue. */
interface ReadyLine {
  readonly queue: number
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
    const line = this.#lineOf(work.partition.queue)
    if (work.waiting) line.due.push(work)
    else line.read.push(work)
  }

  shift(): WorkItem | undefined {
    for (let tried = 0; tried < this.#lines.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#lines.length
      const line = this.#lines[this.#turn]
      const work = line?.due.shift() ?? line?.read.shift()
      if (work) return work
    }
    return undefined
  }

  each(visit: (work: WorkItem) => void): void {
    for (const { read, due } of this.#lines) {
      due.each(visit)
      read.each(visit)
    }
  }

  /** Takes out all, those of one queue in order. */
  drain(): WorkItem[] {
    return this.#lines.flatMap(({ read, due }) => [...due.drain(), ...read.drain()])
  }

  #lineOf(queue: number): ReadyLine {
    const known = this.#lines.find((line) => line.queue === queue)
    if (known) return known
    const line = { queue, read: new Fifo<WorkItem>(), due: new Fifo<WorkItem>() }
    this.#lines.push(line)
    return line
  }
}
