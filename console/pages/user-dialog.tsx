import { changeUser, createUser, type User, type UserChange } from '../api/access.ts'
import type { OperatorRole } from '../api/session.ts'
import { useState } from '../preact.ts'
import { say } from '../state/toasts.ts'
import { AskDialog } from '../ui/ask-dialog.tsx'
import { Choice } from '../ui/choice.tsx'
import { Field } from '../ui/field.tsx'

const roles = ['observer', 'operator', 'administrator'] as const

/** @param user unset: a new one */
export function UserDialog({
  user,
  onClose,
  onDone,
}: {
  user: User | undefined
  onClose: () => void
  onDone: () => void
}) {
  const [name, setName] = useState(user?.name ?? '')
  const [role, setRole] = useState<OperatorRole>(user?.role ?? 'observer')
  const [password, setPassword] = useState('')
  const [accessGroup, setAccessGroup] = useState(user?.accessGroup ?? '')
  const [isDisabled, setDisabled] = useState(user?.isDisabled ?? false)
  const isNew = user === undefined
  const group = accessGroup.trim()
  // Alone what was changed here: somebody else may have changed the rest since it was opened.
  const change: UserChange = {
    ...(role !== user?.role && { role }),
    ...(password !== '' && { password }),
    ...(group !== (user?.accessGroup ?? '') && { accessGroup: group === '' ? null : group }),
    ...(isDisabled !== (user?.isDisabled ?? false) && { isDisabled }),
  }
  const save = async (reason: string | undefined) => {
    const made = { name: name.trim(), role, password, accessGroup: group || undefined, reason }
    await (isNew ? createUser(made) : changeUser(name, change, reason))
    say(isNew ? `${name} may sign in` : `${name} is changed`)
    onDone()
  }
  return (
    <AskDialog
      title={isNew ? 'New user' : `Change ${name}`}
      action={isNew ? 'Make the user' : 'Save'}
      isReady={isNew ? name.trim() !== '' && password !== '' : Object.keys(change).length > 0}
      onConfirm={save}
      onClose={onClose}
    >
      {isNew ? <Field label="Name" value={name} onValue={setName} isRequired autoFocus /> : null}
      <Choice
        label="Role"
        value={role}
        options={roles}
        onValue={(value) => setRole(roles.find((each) => each === value) ?? 'observer')}
      />
      <p class="hint">An observer looks; an operator acts on items and queues; an administrator may all.</p>
      <Field
        label={isNew ? 'Password' : 'New password (empty: as it is)'}
        type="password"
        value={password}
        onValue={setPassword}
        autoComplete="new-password"
        isRequired={isNew}
      />
      <Field
        label="Access group"
        value={accessGroup}
        onValue={setAccessGroup}
        hint="Sees items of this group alone; empty: all"
      />
      {isNew ? null : (
        <label class="check">
          <input
            type="checkbox"
            checked={isDisabled}
            onChange={(event) => setDisabled(event.currentTarget.checked)}
          />
          May not sign in
        </label>
      )}
    </AskDialog>
  )
}
