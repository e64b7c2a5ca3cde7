import type { Item } from '../../api/items.ts'
import { type ComponentChildren } from '../../preact.ts'
import { hrefOf } from '../../state/router.ts'
import { Ago, Moment } from '../../ui/ago.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { itemsHref } from '../items/item-filter.ts'

const contextNames: Readonly<Record<string, string>> = {
  operator: 'Operator',
  accessGroup: 'Access group',
  application: 'Called by',
  requestId: 'Request id',
  traceparent: 'Trace',
}

/** Who and what and when, beside the timeline. */
export function ItemFacts({ item }: { item: Item }) {
  const { key, correlationId, caller, dueAt } = item
  const context = Object.entries(item.context).filter(
    ([name]) => !['correlationId', 'caller', 'causationId'].includes(name),
  )
  return (
    <dl class="facts">
      <Fact name="Id">
        <span class="mono">{item.id}</span>
        <CopyButton text={item.id} label="Copy the id" />
      </Fact>
      <Fact name="Key">
        {key === null ? (
          <span class="none">none</span>
        ) : (
          <a class="mono" href={itemsHref({ key })} title="All items of this key">
            {key}
          </a>
        )}
      </Fact>
      <Fact name="Queue">
        <a href={hrefOf(['queues', item.queue])}>{item.queue}</a>
      </Fact>
      <Fact name="Processor">
        <a href={itemsHref({ processor: item.processor })}>{item.processor}</a>
      </Fact>
      <Fact name="Application">{item.application}</Fact>
      <Fact name="Kind">{item.kind}</Fact>
      <Fact name="Attempts">{item.attempts}</Fact>
      <Fact name="Accepted">
        <Moment at={item.enqueuedAt} /> <Ago at={item.enqueuedAt} />
      </Fact>
      {item.endedAt === undefined ? null : (
        <Fact name="Ended">
          <Moment at={item.endedAt} /> <Ago at={item.endedAt} />
        </Fact>
      )}
      {dueAt === undefined ? null : (
        <Fact name="Due">
          <Moment at={dueAt} /> <Ago at={dueAt} />
        </Fact>
      )}
      {item.reason === undefined ? null : <Fact name="Reason">{item.reason}</Fact>}
      {caller === undefined ? null : (
        <Fact name="Caller">
          <a href={itemsHref({ caller })}>{caller}</a>
        </Fact>
      )}
      {correlationId === undefined ? null : (
        <Fact name="Correlation">
          <a class="mono" href={itemsHref({ correlationId })}>
            {correlationId}
          </a>
        </Fact>
      )}
      {context.map(([name, value]) => (
        <Fact key={name} name={contextNames[name] ?? name}>
          <span class="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</span>
        </Fact>
      ))}
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
