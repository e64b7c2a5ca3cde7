import { readOverview, ranges, type Overview, type Range } from '../api/overview.ts'
import { useState } from '../preact.ts'
import { keep, readKept } from '../state/kept.ts'
import { useLoaded } from '../state/loaded.ts'
import { hrefOf } from '../state/router.ts'
import { EmptyNote } from '../ui/empty-note.tsx'
import { showCompact, showDuration, showNumber } from '../ui/format.ts'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Section } from '../ui/section.tsx'
import { Segments } from '../ui/segments.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { Tile } from '../ui/tile.tsx'
import { AttentionList } from './attention-list.tsx'
import { itemsHref } from './items/item-filter.ts'
import { NodeTable } from './node-table.tsx'
import { SeriesCharts } from './series-charts.tsx'

/** What is going on, and what needs a person first. */
export function OverviewPage() {
  const [range, setRange] = useState<Range>(() => ranges.find((each) => each === readKept('range')) ?? '1h')
  const overview = useLoaded(`overview ${range}`, (signal) => readOverview(range, signal), 'overview')
  const choose = (next: Range) => {
    keep('range', next)
    setRange(next)
  }
  return (
    <>
      <PageHead title="Overview">
        <Segments label="Range" value={range} options={ranges} onValue={choose} />
      </PageHead>
      {overview.problem === undefined ? null : (
        <ProblemNote problem={overview.problem} retry={overview.reload} />
      )}
      {overview.value === undefined ? <Skeleton rows={10} /> : <Shown overview={overview.value} />}
    </>
  )
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
/** The last interval is not over yet, so the one before tells how fast it goes. */
const lastKnown = (values: readonly (number | null)[]) => values.findLast((value) => value !== null)

function Shown({ overview }: { overview: Overview }) {
  const { series, waiting, oldestWaitingMs, attention, nodes, range } = overview
  const broken = sum(series.broken)
  const alive = nodes.filter(({ isAlive }) => isAlive).length
  const succeeded = sum(series.succeeded)
  const p95 = lastKnown(series.p95Ms)
  const late = oldestWaitingMs !== undefined && oldestWaitingMs > 15 * 60_000
  return (
    <>
      <div class="tiles">
        <Tile
          name="Succeeded"
          value={showCompact(succeeded)}
          note={`in ${range}`}
          href={itemsHref({ state: 'succeeded' })}
        />
        <Tile
          name="Broken"
          value={showNumber(broken)}
          note={`in ${range}`}
          tone={broken > 0 ? 'bad' : undefined}
          href={itemsHref({ state: 'broken' })}
        />
        <Tile
          name="Waiting"
          value={showCompact(waiting)}
          note="ready to run"
          href={itemsHref({ state: 'ready' })}
        />
        <Tile
          name="Oldest waits"
          value={oldestWaitingMs === undefined ? '–' : showDuration(oldestWaitingMs)}
          note="since it was due"
          tone={late ? 'warn' : undefined}
        />
        <Tile name="Attempts run" value={p95 == null ? '–' : showDuration(p95)} note="95 of 100, at most" />
        <Tile
          name="Nodes"
          value={`${alive} / ${nodes.length}`}
          note="alive"
          tone={alive < nodes.length ? 'warn' : undefined}
          href={hrefOf(['nodes'])}
        />
      </div>
      <Section title="Needs attention" count={attention.length}>
        <AttentionList entries={attention} />
      </Section>
      <SeriesCharts series={series} />
      <Section title="Nodes" count={nodes.length}>
        {nodes.length === 0 ? (
          <EmptyNote title="No node runs." code="await node.start()">
            Nothing is worked on until one does.
          </EmptyNote>
        ) : (
          <NodeTable nodes={nodes} />
        )}
      </Section>
    </>
  )
}
