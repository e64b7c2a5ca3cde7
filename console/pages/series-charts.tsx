import type { Series } from '../api/overview.ts'
import { Chart } from '../ui/chart.tsx'
import { showDuration, showNumber } from '../ui/format.ts'

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const most = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0))

/** How many intervals are over: one that goes on would look like a fall of what is a line. */
function wholeIntervals(at: readonly string[]): number {
  const [last, before] = [at.at(-1), at.at(-2)].map((each) =>
    each === undefined ? Number.NaN : Date.parse(each),
  )
  const isWhole = last === undefined || before === undefined || Date.now() >= last + (last - before)
  return isWhole ? at.length : at.length - 1
}

/** How many of a hundred that ended broke; null where none ended. */
const brokenRate = ({ succeeded, broken, cancelled }: Series): (number | null)[] =>
  broken.map((count, at) => {
    const ended = count + (succeeded[at] ?? 0) + (cancelled[at] ?? 0)
    return ended === 0 ? null : (100 * count) / ended
  })

const showPercent = (value: number) => `${Number(value.toFixed(1))} %`

/** Throughput, latency, failures and backlog over time. */
export function SeriesCharts({ series }: { series: Series }) {
  const { at, accepted, succeeded, broken, failedAttempts, p50Ms, p95Ms } = series
  const { waitP50Ms, waitP95Ms, oldestAgeMs } = series
  const whole = wholeIntervals(at)
  const rate = brokenRate(series)
  return (
    <div class="charts">
      <Chart
        title="Items"
        summary={`${showNumber(sum(accepted))} accepted, ${showNumber(sum(succeeded))} succeeded`}
        at={at.slice(0, whole)}
        lines={[
          { name: 'succeeded', values: succeeded.slice(0, whole), colour: '--chart-good', kind: 'area' },
          { name: 'accepted', values: accepted.slice(0, whole), colour: '--chart-plain', isDashed: true },
        ]}
      />
      <Chart
        title="Waiting for the first attempt"
        summary={`95 of 100 waited for at most ${showDuration(most(waitP95Ms))}`}
        at={at}
        lines={[
          { name: '95 of 100', values: waitP95Ms, colour: '--chart-warm' },
          { name: 'half', values: waitP50Ms, colour: '--chart-cool', kind: 'area' },
        ]}
        show={showDuration}
      />
      <Chart
        title="Run time"
        summary={`95 of 100 ran for at most ${showDuration(most(p95Ms))}`}
        at={at}
        lines={[
          { name: '95 of 100', values: p95Ms, colour: '--chart-warm' },
          { name: 'half', values: p50Ms, colour: '--chart-cool', kind: 'area' },
        ]}
        show={showDuration}
      />
      <Chart
        title="Failures"
        summary={`${showNumber(sum(broken))} broken, ${showNumber(sum(failedAttempts))} failed attempts`}
        at={at}
        lines={[
          { name: 'failed attempts', values: failedAttempts, colour: '--chart-warm', kind: 'bars' },
          { name: 'broken', values: broken, colour: '--chart-bad', kind: 'bars' },
        ]}
      />
      <Chart
        title="Broken rate"
        summary={`At most ${showPercent(most(rate))} of what ended broke`}
        at={at}
        lines={[{ name: 'broken of what ended', values: rate, colour: '--chart-bad', kind: 'area' }]}
        show={showPercent}
      />
      <Chart
        title="Age of the backlog"
        summary={`The oldest item waited for at most ${showDuration(most(oldestAgeMs))}`}
        at={at}
        lines={[{ name: 'the oldest item', values: oldestAgeMs, colour: '--chart-warm', kind: 'area' }]}
        show={showDuration}
      />
    </div>
  )
}
