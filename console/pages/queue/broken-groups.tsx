import type { BulkKind } from '../../api/items.ts'
import { listBroken, type BrokenGroup } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { hrefOf } from '../../state/router.ts'
import { may } from '../../state/session.ts'
import { Ago } from '../../ui/ago.tsx'
import { showCount } from '../../ui/format.ts'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Section } from '../../ui/section.tsx'
import { BulkDialog } from '../items/bulk-dialog.tsx'
import { itemsHref } from '../items/item-filter.ts'

interface Order {
  readonly act: BulkKind
  readonly group: BrokenGroup
}

/** Broken items by what broke them: a hundred with one cause are one line, and one order. */
export function BrokenGroups({ queue }: { queue: string }) {
  const broken = useLoaded(`broken ${queue}`, (signal) => listBroken(queue, signal), 'queues')
  const [order, setOrder] = useState<Order>()
  const groups = broken.value?.items ?? []
  if (broken.problem?.status === 404) return null
  // an order under way empties the list that it stands in, and goes on all the same
  if (groups.length === 0 && broken.problem === undefined && order === undefined) return null
  return (
    <Section title="Broken, by cause" count={groups.length}>
      {broken.problem === undefined ? null : <ProblemNote problem={broken.problem} retry={broken.reload} />}
      <ul class="groups">
        {groups.map((group) => (
          <li key={group.fingerprint} class="group">
            <a class="group-count" href={itemsHref(filterOf(group))} title="Show them">
              {showCount(group.count, group.isAtLeast)}
            </a>
            <div class="group-story">
              <p>
                <b class="mono">{group.code}</b> <span>{group.message}</span>
              </p>
              <p class="quiet">
                {group.processor} · first <Ago at={group.firstAt} /> · last <Ago at={group.lastAt} /> ·{' '}
                <a href={hrefOf(['items', group.sample])} data-row={group.sample}>
                  one of them
                </a>
              </p>
            </div>
            {may('operator') ? (
              <span class="group-acts">
                <button type="button" class="button" onClick={() => setOrder({ act: 'redrive', group })}>
                  Redrive slowly
                </button>
                <button type="button" class="button" onClick={() => setOrder({ act: 'requeue', group })}>
                  Requeue
                </button>
                <button
                  type="button"
                  class="button danger-text"
                  onClick={() => setOrder({ act: 'remove', group })}
                >
                  Remove
                </button>
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {broken.value?.isCut === true ? <p class="quiet">There are more causes than these.</p> : null}
      {order === undefined ? null : (
        <BulkDialog
          act={order.act}
          filter={filterOf(order.group)}
          what={order.group.code}
          onClose={() => {
            setOrder(undefined)
            broken.reload()
          }}
        />
      )}
    </Section>
  )
}

function filterOf({ fingerprint, queue, processor }: BrokenGroup) {
  return { state: 'broken', queue, processor, fingerprint }
}
