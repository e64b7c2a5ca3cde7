import { readQueue, type QueueDetail } from '../../api/queues.ts'
import { useLoaded } from '../../state/loaded.ts'
import { hrefOf } from '../../state/router.ts'
import { maySeeAll } from '../../state/session.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { showCompact, showDuration, showNumber } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { StateChip } from '../../ui/state-chip.tsx'
import { Tile } from '../../ui/tile.tsx'
import { itemsHref } from '../items/item-filter.ts'
import { ConcurrencyField } from '../queues/concurrency-field.tsx'
import { QueueActs } from '../queues/queue-acts.tsx'
import { SeriesCharts } from '../series-charts.tsx'
import { BlockedKeys } from './blocked-keys.tsx'
import { BrokenGroups } from './broken-groups.tsx'
import { PartitionTable } from './partition-table.tsx'
import { Trace } from './trace.tsx'

export function QueuePage({ name }: { name: string }) {
  const queue = useLoaded(`queue ${name}`, (signal) => readQueue(name, signal), 'queues')
  const { value, problem, reload } = queue
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={hrefOf(['queues'])}>Queues</a>
      </nav>
      <PageHead title={name} mark={value === undefined ? null : <StateChip state={value.state} />}>
        {value === undefined ? null : <QueueActs queue={value} reload={reload} withWords />}
        <a class="button" href={itemsHref({ queue: name })}>
          <Icon name="items" />
          Items
        </a>
      </PageHead>
      {problem?.status === 404 ? <EmptyNote title="There is no queue of this name." /> : null}
      {problem === undefined || problem.status === 404 ? null : (
        <ProblemNote problem={problem} retry={reload} />
      )}
      {value === undefined && problem === undefined ? <Skeleton rows={10} /> : null}
      {value === undefined ? null : <Shown queue={value} reload={reload} />}
    </>
  )
}

function Shown({ queue, reload }: { queue: QueueDetail; reload: () => void }) {
  const { name, ready, running, scheduled, held, broken, blockedKeys } = queue
  return (
    <>
      <div class="tiles">
        <Tile
          name="Ready"
          value={showCompact(ready)}
          note={
            queue.oldestAgeMs === undefined ? undefined : `the oldest for ${showDuration(queue.oldestAgeMs)}`
          }
          href={itemsHref({ queue: name, state: 'ready' })}
        />
        <Tile
          name="Running"
          value={showNumber(running)}
          note={
            <>
              at most <ConcurrencyFigure queue={queue} /> a node
            </>
          }
          href={itemsHref({ queue: name, state: 'running' })}
        />
        <Tile
          name="Scheduled"
          value={showCompact(scheduled)}
          href={itemsHref({ queue: name, state: 'scheduled' })}
        />
        <Tile
          name="Held"
          value={showCompact(held)}
          note={blockedKeys > 0 ? `${showNumber(blockedKeys)} blocked keys` : undefined}
          tone={blockedKeys > 0 ? 'warn' : undefined}
          href={itemsHref({ queue: name, state: 'held' })}
        />
        <Tile
          name="Broken"
          value={showCompact(broken)}
          tone={broken > 0 ? 'bad' : undefined}
          href={itemsHref({ queue: name, state: 'broken' })}
        />
        <Tile
          name="Last hour"
          value={showCompact(queue.processedLastHour)}
          note={`${showNumber(queue.failedLastHour)} failed`}
        />
      </div>
      <p class="queue-line">
        <span>
          At a time, on each node: <ConcurrencyField queue={queue} reload={reload} />
        </span>
        <span>Accepts up to {showNumber(queue.maxWaiting)} waiting</span>
        <span>Processors: {queue.processors.map((processor) => processor.name).join(', ') || 'none'}</span>
      </p>
      <SeriesCharts series={queue.series} />
      {maySeeAll() ? (
        <>
          <BrokenGroups queue={name} />
          <BlockedKeys queue={name} count={blockedKeys} />
        </>
      ) : null}
      <PartitionTable queue={queue} reload={reload} />
      {maySeeAll() ? (
        <Trace queue={name} />
      ) : (
        <p class="quiet">
          You see the items of your access group alone. What is broken, which keys are blocked, the trace and
          the acts on a queue are of all of them.
        </p>
      )}
    </>
  )
}

function ConcurrencyFigure({ queue }: { queue: QueueDetail }) {
  return <>{queue.concurrency.set ?? queue.concurrency.defined}</>
}
