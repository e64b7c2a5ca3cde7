import { listQueues, type Queue } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { QueueRow } from './queue-row.tsx'

const shownAtFirst = 100
const orders = {
  name: (a: Queue, b: Queue) => a.name.localeCompare(b.name),
  waiting: (a: Queue, b: Queue) => b.ready + b.held + b.scheduled - (a.ready + a.held + a.scheduled),
  broken: (a: Queue, b: Queue) => b.broken - a.broken,
  oldest: (a: Queue, b: Queue) => (b.oldestAgeMs ?? -1) - (a.oldestAgeMs ?? -1),
  busiest: (a: Queue, b: Queue) => b.processedLastHour - a.processedLastHour,
} as const
type Order = keyof typeof orders
const orderNames = Object.keys(orders) as Order[]

export function QueuesPage() {
  const queues = useLoaded('queues', (signal) => listQueues(signal), 'queues')
  const [order, setOrder] = useState<Order>('name')
  const [name, setName] = useState('')
  const [shown, setShown] = useState(shownAtFirst)
  const all = queues.value?.items ?? []
  const matching = all.filter((queue) => matches(queue, name.trim().toLowerCase())).sort(orders[order])
  return (
    <>
      <PageHead title="Queues">
        <input
          class="input small"
          type="search"
          aria-label="Narrow down by name"
          placeholder="Name or processor"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <label class="inline-choice">
          <span>Order</span>
          <select
            class="input small"
            value={order}
            onChange={(event) => setOrder(event.currentTarget.value as Order)}
          >
            {orderNames.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      </PageHead>
      {queues.problem === undefined ? null : <ProblemNote problem={queues.problem} retry={queues.reload} />}
      {queues.value === undefined ? <Skeleton rows={8} /> : null}
      {matching.length === 0 ? null : (
        <table class="table cards queues">
          <caption class="visually-hidden">Queues</caption>
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">State</th>
              {['Ready', 'Running', 'Scheduled', 'Held', 'Broken'].map((title) => (
                <th key={title} scope="col" class="number">
                  {title}
                </th>
              ))}
              <th scope="col">Last hour</th>
              <th scope="col" class="number">
                Oldest
              </th>
              <th scope="col" class="number">
                At a time
              </th>
              <th scope="col">
                <span class="visually-hidden">Acts</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {matching.slice(0, shown).map((queue) => (
              <QueueRow key={queue.name} queue={queue} reload={queues.reload} />
            ))}
          </tbody>
        </table>
      )}
      {matching.length > shown ? (
        <div class="more">
          <button type="button" class="button" onClick={() => setShown(shown + shownAtFirst)}>
            {matching.length - shown} more queues
          </button>
        </div>
      ) : null}
      {queues.value !== undefined && all.length === 0 ? <NoQueues /> : null}
      {all.length > 0 && matching.length === 0 ? <EmptyNote title="No queue has this name." /> : null}
    </>
  )
}

function matches({ name, processors }: Queue, text: string): boolean {
  return (
    name.toLowerCase().includes(text) ||
    processors.some((processor) => processor.name.toLowerCase().includes(text))
  )
}

function NoQueues() {
  const code = [
    "import { defineQueueProcessor } from 'coatcheck'",
    '',
    'export const provision = defineQueueProcessor({',
    "  name: 'provision-account',",
    '  input: z.object({ employeeId: z.string() }),',
    '  async process(input, ctx) { … },',
    '})',
  ].join('\n')
  return (
    <EmptyNote title="No queues." code={code}>
      A queue is there once a node knows a processor or a service that needs one.
    </EmptyNote>
  )
}
