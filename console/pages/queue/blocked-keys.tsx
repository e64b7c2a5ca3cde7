import { listBlockedKeys } from '../../api/queues.ts'
import { useList } from '../../state/list.ts'
import { hrefOf } from '../../state/router.ts'
import { Ago } from '../../ui/ago.tsx'
import { showCount } from '../../ui/format.ts'
import { MoreButton } from '../../ui/more-button.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Section } from '../../ui/section.tsx'
import { itemsHref } from '../items/item-filter.ts'

/** Keys that wait for a person: by which item, why and since when. */
export function BlockedKeys({ queue, count }: { queue: string; count: number }) {
  const list = useList(
    `blocked ${queue}`,
    (cursor, signal) => listBlockedKeys(queue, cursor, signal),
    'queues',
  )
  if (list.items.length === 0 && list.problem === undefined) return null
  return (
    <Section title="Blocked keys" count={count}>
      {list.problem === undefined ? null : <ProblemNote problem={list.problem} retry={list.reload} />}
      <table class="table cards">
        <caption class="visually-hidden">Blocked keys</caption>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">By the item of</th>
            <th scope="col">Why</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              Since
            </th>
          </tr>
        </thead>
        <tbody>
          {list.items.map(({ key, processor, item, since, error, waiting, isAtLeast }) => (
            <tr key={item.id}>
              <td data-label="Key" class="key-cell mono" title={key}>
                <a href={itemsHref({ key, queue })}>{key}</a>
              </td>
              <td data-label="By the item of">
                <a href={hrefOf(['items', item.id])} data-row={item.id}>
                  {processor}
                </a>
              </td>
              <td data-label="Why" class="story-cell" title={error.message}>
                <b class="mono">{error.code}</b> {error.message}
              </td>
              <td data-label="Waiting" class="number">
                {showCount(waiting, isAtLeast)}
              </td>
              <td data-label="Since" class="number">
                <Ago at={since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <MoreButton list={list} />
    </Section>
  )
}
