import { quantileOf } from '../engine/histogram.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readStatistics, type StatisticRow } from '../store/queue-statistics.ts'
import { z } from './schema.ts'

/** How far back a chart goes: how many points it has, each of so many seconds. */
const ranges = {
  '1h': { span: 60, points: 60 },
  '6h': { span: 600, points: 36 },
  '24h': { span: 600, points: 144 },
} as const

export type Range = keyof typeof ranges

export const rangeQuery = z.enum(['1h', '6h', '24h']).default('1h')

const counts = z.array(z.number())
const times = z.array(z.number().nullable())

/** Columns of the same length, oldest first. */
export const seriesShape = z.object({
  at: z.array(z.date()).describe('When each point begins; the last one is not over'),
  accepted: counts,
  succeeded: counts,
  broken: counts,
  cancelled: counts,
  failedAttempts: counts,
  p50Ms: times.describe('How long attempts ran: half of them less; null where none ended'),
  p95Ms: times,
  waitP50Ms: times.describe('How long items waited for their first attempt'),
  waitP95Ms: times,
  oldestAgeMs: times.describe(
    'How long the oldest item had waited for its turn, at most; null where nothing waited, or no node looked',
  ),
})

export type Series = z.infer<typeof seriesShape>

/**
 * What became of the items of a queue.
 * @param queue its number; 0: of all queues
 * @param now in milliseconds
 */
export async function readSeries(
  { driver, schema }: OpenDatabase,
  queue: number,
  range: Range,
  now: number,
): Promise<Series> {
  const { span, points } = ranges[range]
  const spanMs = span * 1000
  const last = now - (now % spanMs)
  const from = last - (points - 1) * spanMs
  const rows = await readStatistics(driver, schema, queue, span, from)
  const byTime = new Map(rows.map((row) => [Math.round(row.at), row]))
  const all = Array.from({ length: points }, (_, nth) => byTime.get(from + nth * spanMs))
  const column = (of: (row: StatisticRow) => number): number[] => all.map((row) => (row ? of(row) : 0))
  const share = (of: (row: StatisticRow) => readonly number[], quantile: number): (number | null)[] =>
    all.map((row) => {
      const found = row && quantileOf(of(row), quantile)
      return found === undefined ? null : Math.round(found * 10) / 10
    })
  return {
    at: all.map((_, nth) => new Date(from + nth * spanMs)),
    accepted: column((row) => row.accepted),
    succeeded: column((row) => row.succeeded),
    broken: column((row) => row.broken),
    cancelled: column((row) => row.cancelled),
    failedAttempts: column((row) => row.failed),
    p50Ms: share((row) => row.runs, 0.5),
    p95Ms: share((row) => row.runs, 0.95),
    waitP50Ms: share((row) => row.waits, 0.5),
    waitP95Ms: share((row) => row.waits, 0.95),
    oldestAgeMs: all.map((row) => (row?.oldestMs == null ? null : Math.round(row.oldestMs))),
  }
}
