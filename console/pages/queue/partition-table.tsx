import { setPartitions, type QueueDetail } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { may, maySeeAll } from '../../state/session.ts'
import { say } from '../../state/toasts.ts'
import { Ago } from '../../ui/ago.tsx'
import { AskDialog } from '../../ui/ask-dialog.tsx'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { Field } from '../../ui/field.tsx'
import { showNumber } from '../../ui/format.ts'
import { Section } from '../../ui/section.tsx'

/** Who owns what, and how far behind it is. */
export function PartitionTable({ queue, reload }: { queue: QueueDetail; reload: () => void }) {
  const [text, setText] = useState<string>()
  const wanted = Number(text)
  const change =
    may('administrator') && maySeeAll() ? (
      <button type="button" class="button" onClick={() => setText(String(queue.partitions))}>
        Change their number
      </button>
    ) : null
  return (
    <Section title="Partitions" count={queue.partitionList.length} aside={change}>
      {queue.partitionList.length === 0 ? (
        <EmptyNote title="No partitions yet.">They are made when the first node starts.</EmptyNote>
      ) : (
        <Table queue={queue} />
      )}
      {text === undefined ? null : (
        <AskDialog
          title={`Partitions of ${queue.name}`}
          action="Change"
          isReady={Number.isInteger(wanted) && wanted >= 1 && wanted !== queue.partitions}
          onConfirm={async (reason) => {
            await setPartitions(queue.name, wanted, reason)
            say(`${queue.name} is given ${wanted} partitions; the old ones are run to their end first`)
            reload()
          }}
          onClose={() => setText(undefined)}
        >
          <p>
            Items of one key keep their order, and ids stay valid. Until the old partitions are empty the new
            ones wait.
          </p>
          <Field label="Partitions" type="number" min={1} value={text} onValue={setText} autoFocus />
        </AskDialog>
      )}
    </Section>
  )
}

function Table({ queue }: { queue: QueueDetail }) {
  return (
    <table class="table cards">
      <caption class="visually-hidden">Partitions</caption>
      <thead>
        <tr>
          <th scope="col" class="number">
            Partition
          </th>
          <th scope="col">Owner</th>
          <th scope="col" class="number">
            Lag
          </th>
          <th scope="col" class="number">
            Watermark
          </th>
          <th scope="col" class="number">
            Accepted
          </th>
          <th scope="col" class="number">
            Processed
          </th>
        </tr>
      </thead>
      <tbody>
        {queue.partitionList.map((partition) => (
          <tr
            key={`${partition.generation}/${partition.partition}`}
            data-quiet={partition.generation !== queue.generation}
          >
            <td data-label="Partition" class="number">
              {partition.partition}
              {partition.generation === queue.generation ? null : (
                <small> generation {partition.generation}</small>
              )}
            </td>
            <td data-label="Owner">
              {partition.owner === undefined ? <span class="none">nobody</span> : partition.owner.node}
            </td>
            <td data-label="Lag" class="number">
              {showNumber(partition.lag)}
            </td>
            <td data-label="Watermark" class="number mono">
              {partition.watermark}
            </td>
            <td data-label="Accepted" class="number">
              <Ago at={partition.lastEnqueuedAt} />
            </td>
            <td data-label="Processed" class="number">
              <Ago at={partition.lastProcessedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
