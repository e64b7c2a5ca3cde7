import { actOnItem, type ActAnswer, type ActKind, type Item } from '../../api/items.ts'
import { useState } from '../../preact.ts'
import { goTo, hrefOf } from '../../state/router.ts'
import { say } from '../../state/toasts.ts'
import { AskDialog } from '../../ui/ask-dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { JsonEditor, readJson } from '../../ui/json-editor.tsx'
import { actWords } from '../items/act-words.ts'
import { LaterNote } from './later-note.tsx'

interface ItemActDialogProps {
  readonly item: Item
  readonly act: ActKind
  /** Whether the payload is corrected on the way. */
  readonly withPayload: boolean
  readonly onClose: () => void
  readonly onDone: () => void
}

export function ItemActDialog({ item, act, withPayload, onClose, onDone }: ItemActDialogProps) {
  const words = actWords[act]
  // What was there when it was opened: the page may change behind it.
  const [given] = useState(() => ({
    text: JSON.stringify(item.input, undefined, 2) ?? '',
    inputDigest: item.inputDigest,
  }))
  const [text, setText] = useState(given.text)
  const [isLeaving, setLeaving] = useState(false)
  const [until, setUntil] = useState('')
  const reading = withPayload ? readJson(text) : undefined
  const confirm = async (reason: string | undefined) => {
    const input =
      reading !== undefined && 'value' in reading
        ? { input: reading.value, inputDigest: given.inputDigest }
        : {}
    const untilTime = until === '' ? {} : { until: new Date(until).toISOString() }
    const answer = await actOnItem(item.id, { act, reason, ...input, ...untilTime })
    tell(answer, act)
    onClose()
    onDone()
    if (act === 'clone' && answer.id !== undefined) goTo(hrefOf(['items', answer.id]))
  }
  const write = (next: string) => {
    setText(next)
    setLeaving(false)
  }
  const close = () => {
    if (withPayload && text !== given.text && !isLeaving) setLeaving(true)
    else onClose()
  }
  return (
    <AskDialog
      title={titleOf(act, withPayload)}
      action={withPayload && act === 'requeue' ? 'Requeue with this payload' : words.name}
      isDangerous={words.isDangerous}
      isReady={reading === undefined || 'value' in reading}
      wide={withPayload}
      isFollowed
      onConfirm={confirm}
      onClose={close}
    >
      {isLeaving ? (
        <p class="hint bad" role="alert">
          What you wrote has not been sent. Close once more to throw it away.
        </p>
      ) : null}
      <p>
        {words.one}
        {withPayload && act === 'requeue'
          ? ' Its payload is what you write here; the log keeps the old one.'
          : null}
      </p>
      {act === 'requeue' && item.key !== null ? <LaterNote item={item} /> : null}
      {withPayload ? <JsonEditor label="Payload" text={text} onText={write} autoFocus /> : null}
      {act === 'defer' ? (
        <Field
          label="Until (empty: until somebody resumes it)"
          type="datetime-local"
          value={until}
          onValue={setUntil}
        />
      ) : null}
    </AskDialog>
  )
}

function titleOf(act: ActKind, withPayload: boolean): string {
  if (act === 'edit') return 'Edit the payload'
  if (withPayload) return 'Edit and requeue'
  return `${actWords[act].name} this item?`
}

function tell({ verdict, state }: ActAnswer, act: ActKind): void {
  const { name, done } = actWords[act]
  if (verdict === 'refused') say(`${name} was refused: the item is ${state ?? 'in another state'}`, 'bad')
  else if (verdict === 'pending')
    say(`${name} is written down; the node that owns the item will do it`, 'plain')
  else say(done)
}
