import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import { readBrokenRates, syncAlerts, takeAlertTurn } from '../store/alerts.ts'
import type { OpenDatabase } from '../store/database.ts'
import { noteOldest, type OldestRow } from '../store/queue-statistics.ts'
import { findAlerts } from './alert-rules.ts'
import type { Figures, QueueFigures } from './queue-figures.ts'
import { spans } from './queue-statistics.ts'

const everyMs = 10_000

/** Looks for what operators should know, every ten seconds one of the nodes, and tells when that has changed; keeps for charts how long what waits has waited. */
export class AlertWatch implements Part {
  readonly #database: OpenDatabase
  readonly #figures: QueueFigures
  readonly #events: Events
  readonly #loop: Loop

  constructor(database: OpenDatabase, figures: QueueFigures, events: Events) {
    this.#database = database
    this.#figures = figures
    this.#events = events
    this.#loop = new Loop(
      () => this.tick(),
      (error) => events.emit('problem', { where: 'alerts', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake()
  }

  async tick(): Promise<number> {
    const { driver, schema } = this.#database
    // A little earlier than the next one would: whoever is late must not lose its turn for another ten seconds.
    if (await takeAlertTurn(driver, schema, everyMs - 500)) await this.look()
    return everyMs
  }

  /** Looks now, whoever's turn it is. */
  async look(): Promise<void> {
    const { driver, schema } = this.#database
    const rates = new Map((await readBrokenRates(driver, schema)).map((rate) => [rate.queue, rate]))
    const figures = await this.#figures.read()
    await noteOldest(driver, schema, oldestOf(figures))
    const found = findAlerts(figures, rates)
    const { raised, cleared } = await syncAlerts(driver, schema, found)
    for (const { rule, subject, severity, title } of raised)
      this.#events.emit('alert.raised', { rule, subject, severity, title })
    for (const { rule, subject } of cleared) this.#events.emit('alert.cleared', { rule, subject })
  }
}

/** Of each queue in which something waits, and of all of them. */
function oldestOf({ at, queues }: Figures): OldestRow[] {
  const ages = queues.flatMap(({ queue, oldestAgeMs }) =>
    oldestAgeMs === undefined ? [] : [{ queue, oldestMs: oldestAgeMs }],
  )
  if (ages.length === 0) return []
  const longest = Math.max(...ages.map(({ oldestMs }) => oldestMs))
  return [{ queue: 0, oldestMs: longest }, ...ages].flatMap((age) =>
    spans.map((span) => ({ ...age, span, at: at - (at % (span * 1000)) })),
  )
}
