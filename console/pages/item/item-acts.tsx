import type { ActKind, Item } from '../../api/items.ts'
import { useState } from '../../preact.ts'
import { may } from '../../state/session.ts'
import { actWords } from '../items/act-words.ts'
import { ItemActDialog } from './item-act-dialog.tsx'

interface Choice {
  readonly act: ActKind
  readonly withPayload: boolean
}

const order: readonly ActKind[] = [
  'requeue',
  'resume',
  'edit',
  'clone',
  'defer',
  'release',
  'skip',
  'remove',
  'cancel',
]

/** A button for each act that the item can take. */
export function ItemActs({ item, onDone }: { item: Item; onDone: () => void }) {
  const [choice, setChoice] = useState<Choice>()
  if (!may('operator')) return null
  const acts = order.filter((act) => item.can.includes(act))
  // where all of it is hidden there is nothing to edit; single places that are left as they are stay what they were
  const canWrite = !item.redacted.includes('')
  const choices = acts.flatMap((act): Choice[] => {
    if (act === 'edit') return canWrite ? [{ act, withPayload: true }] : []
    const plain = { act, withPayload: false }
    return act === 'requeue' && canWrite ? [plain, { act, withPayload: true }] : [plain]
  })
  return (
    <>
      {choices.map((each, index) => (
        <button
          key={`${each.act}${each.withPayload}`}
          type="button"
          class={classOf(each.act, index)}
          onClick={() => setChoice(each)}
        >
          {each.act === 'requeue' && each.withPayload ? 'Edit and requeue' : actWords[each.act].name}
        </button>
      ))}
      {choice === undefined ? null : (
        <ItemActDialog item={item} {...choice} onClose={() => setChoice(undefined)} onDone={onDone} />
      )}
    </>
  )
}

function classOf(act: ActKind, index: number): string {
  if (actWords[act].isDangerous) return 'button danger-text'
  return index === 0 && (act === 'requeue' || act === 'resume') ? 'button primary' : 'button'
}
