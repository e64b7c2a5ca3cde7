import type { ItemState } from '../../api/items.ts'
import type { Queue } from '../../api/queues.ts'
import { hrefOf } from '../../state/router.ts'
import { showAge, showCompact, showDuration, showNumber } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'
import { StateChip } from '../../ui/state-chip.tsx'
import { itemsHref } from '../items/item-filter.ts'
import { ConcurrencyField } from './concurrency-field.tsx'
import { QueueActs } from './queue-acts.tsx'

const lateMs = 15 * 60_000

export function QueueRow({ queue, reload }: { queue: Queue; reload: () => void }) {
  const { name, processors, oldestAgeMs } = queue
  return (
    <tr>
      <td data-label="Queue" class="name-cell">
        <a href={hrefOf(['queues', name])} data-row={name}>
          {name}
        </a>
        <small title={processors.map((processor) => processor.name).join(', ')}>
          {processors.map((processor) => processor.name).join(', ')}
        </small>
      </td>
      <td data-label="State">
        <StateChip state={queue.state} />
        {queue.blockedKeys > 0 ? (
          <a class="blocked-mark" href={hrefOf(['queues', name])} title="Keys that wait for a person">
            <Icon name="lock" />
            {showNumber(queue.blockedKeys)}
          </a>
        ) : null}
      </td>
      <Count queue={queue} state="ready" value={queue.ready} />
      <Count queue={queue} state="running" value={queue.running} />
      <Count queue={queue} state="scheduled" value={queue.scheduled} />
      <Count queue={queue} state="held" value={queue.held} />
      <Count queue={queue} state="broken" value={queue.broken} />
      <td data-label="Last hour" class="hour-cell">
        <Sparkline
          values={queue.sparkline}
          label={`Processed by minute, ${showNumber(queue.processedLastHour)} in all`}
        />
        <span class="number" title={`${showNumber(queue.failedLastHour)} failed`}>
          {showCompact(queue.processedLastHour)}
        </span>
      </td>
      <td
        data-label="Oldest"
        class="number"
        data-tone={oldestAgeMs !== undefined && oldestAgeMs > lateMs ? 'warn' : undefined}
      >
        {oldestAgeMs === undefined ? (
          <span class="none">–</span>
        ) : (
          <span title={showDuration(oldestAgeMs)}>{showAge(oldestAgeMs)}</span>
        )}
      </td>
      <td data-label="At a time" class="number">
        <ConcurrencyField queue={queue} reload={reload} />
      </td>
      <td class="acts-cell">
        <QueueActs queue={queue} reload={reload} />
      </td>
    </tr>
  )
}

const titles: Partial<Record<ItemState, string>> = {
  ready: 'Ready',
  running: 'Running',
  scheduled: 'Scheduled',
  held: 'Held',
  broken: 'Broken',
}

function Count({ queue, state, value }: { queue: Queue; state: ItemState; value: number }) {
  return (
    <td data-label={titles[state]} class="number">
      {value === 0 ? (
        <span class="none">0</span>
      ) : (
        <a
          class="count-link"
          data-state={state}
          href={itemsHref({ queue: queue.name, state })}
          title={showNumber(value)}
        >
          {showCompact(value)}
          <span class="visually-hidden">
            {' '}
            {state} of {queue.name}
          </span>
        </a>
      )}
    </td>
  )
}
