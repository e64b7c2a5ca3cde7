import { createApiKey } from '../api/access.ts'
import { useState } from '../preact.ts'
import { AskDialog } from '../ui/ask-dialog.tsx'
import { CodeBlock } from '../ui/code-block.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Field } from '../ui/field.tsx'

const listOf = (text: string) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

/** Makes a key, and shows it the one time that it can be seen. */
export function ApiKeyDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [made, setMade] = useState<string>()
  const [name, setName] = useState('')
  const [roles, setRoles] = useState('')
  const [services, setServices] = useState('')
  const [accessGroup, setAccessGroup] = useState('')
  const [days, setDays] = useState('')
  if (made !== undefined)
    return (
      <Dialog title={`The key ${name}`} onClose={onClose}>
        <p>Copy it now: it is kept as a digest only, and cannot be shown again.</p>
        <CodeBlock code={made} label="Copy the key" />
        <footer class="dialog-foot">
          <button type="button" class="button primary" onClick={onClose}>
            I have it
          </button>
        </footer>
      </Dialog>
    )
  const create = async (reason: string | undefined) => {
    const { key } = await createApiKey({
      name: name.trim(),
      roles: listOf(roles),
      services: services.trim() === '' ? undefined : listOf(services),
      accessGroup: accessGroup.trim() || undefined,
      expiresInDays: days === '' ? undefined : Number(days),
      reason,
    })
    onDone()
    setMade(key)
  }
  return (
    <AskDialog
      title="New API key"
      action="Make the key"
      isReady={name.trim() !== ''}
      isFollowed
      onConfirm={create}
      onClose={onClose}
    >
      <Field label="Name" value={name} onValue={setName} hint="Who calls with it" isRequired autoFocus />
      <Field
        label="Roles"
        value={roles}
        onValue={setRoles}
        hint="With commas between; observer, operator and administrator are the node's"
      />
      <Field
        label="Services"
        value={services}
        onValue={setServices}
        hint="With commas between; empty: all that its roles may call"
      />
      <Field label="Access group" value={accessGroup} onValue={setAccessGroup} />
      <Field
        label="Expires in days"
        type="number"
        min={1}
        value={days}
        onValue={setDays}
        hint="Empty: never"
      />
    </AskDialog>
  )
}
