import { setConcurrency, type Queue } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { may, maySeeAll } from '../../state/session.ts'
import { say } from '../../state/toasts.ts'
import { AskDialog } from '../../ui/ask-dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { Icon } from '../../ui/icon.tsx'

/** How many run at a time on each node, changed in place. */
export function ConcurrencyField({ queue, reload }: { queue: Queue; reload: () => void }) {
  const [text, setText] = useState<string>()
  const { set, defined } = queue.concurrency
  const shown = set ?? defined
  const isSet = set !== undefined
  const figure = (
    <span
      class={isSet ? 'concurrency set' : 'concurrency'}
      title={isSet ? `As defined: ${defined}` : 'As defined'}
    >
      {shown}
      {isSet ? <small>of {defined}</small> : null}
    </span>
  )
  if (!may('operator') || !maySeeAll()) return figure
  const wanted = text === undefined || text.trim() === '' ? null : Number(text)
  const isReady = wanted === null || (Number.isInteger(wanted) && wanted >= 1)
  return (
    <>
      <button type="button" class="concurrency-button" onClick={() => setText(isSet ? String(set) : '')}>
        <span class="visually-hidden">Change the concurrency of {queue.name} per node: </span>
        {figure}
        <Icon name="edit" />
      </button>
      {text === undefined ? null : (
        <AskDialog
          title={`Concurrency of ${queue.name}`}
          action={wanted === null ? 'As defined' : `Set to ${text}`}
          isReady={isReady}
          onConfirm={async (reason) => {
            await setConcurrency(queue.name, wanted, reason)
            say(`${queue.name}: ${wanted ?? defined} at a time on each node`)
            reload()
          }}
          onClose={() => setText(undefined)}
        >
          <Field
            label="At a time, on each node"
            type="number"
            min={1}
            value={text}
            onValue={setText}
            autoFocus
            hint={`Empty: as defined, ${defined}. What runs beyond a lower number goes on to its end.`}
          />
        </AskDialog>
      )}
    </>
  )
}
