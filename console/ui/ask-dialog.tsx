import { CallFailed } from '../api/call-failed.ts'
import { useId, useState, type ComponentChildren } from '../preact.ts'
import { Dialog } from './dialog.tsx'
import { ProblemNote } from './problem-note.tsx'

interface AskDialogProps {
  readonly title: string
  /** What will happen, in a sentence or two, and more fields. */
  readonly children?: ComponentChildren
  readonly action: string
  readonly isDangerous?: boolean | undefined
  readonly isReady?: boolean | undefined
  readonly wide?: boolean | undefined
  /** Whether `onConfirm` closes it, or puts something else in its place. */
  readonly isFollowed?: boolean | undefined
  /** What it throws is shown, and the dialog stays. */
  readonly onConfirm: (reason: string | undefined) => Promise<void>
  readonly onClose: () => void
}

/** Asks once before something is done, and why. */
export function AskDialog(props: AskDialogProps) {
  const { title, children, action, isDangerous, isReady = true, onConfirm, onClose } = props
  const [reason, setReason] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<CallFailed>()
  const confirm = async () => {
    if (isBusy || !isReady) return
    setBusy(true)
    setProblem(undefined)
    try {
      await onConfirm(reason.trim() === '' ? undefined : reason.trim())
      if (!props.isFollowed) onClose()
    } catch (error) {
      setProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose} wide={props.wide} isBusy={isBusy}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault()
          void confirm()
        }}
      >
        {children}
        <ReasonField value={reason} onValue={setReason} />
        {problem === undefined ? null : <ProblemNote problem={problem} />}
        <footer class="dialog-foot">
          <button type="button" class="button" disabled={isBusy} onClick={onClose}>
            Back
          </button>
          <button
            type="submit"
            class={isDangerous ? 'button danger' : 'button primary'}
            disabled={isBusy || !isReady}
          >
            {isBusy ? 'One moment…' : action}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

export function ReasonField({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>
        Why <span class="quiet">(kept in the audit; may be empty)</span>
      </label>
      <input
        id={id}
        class="input"
        name="reason"
        value={value}
        maxLength={500}
        autoComplete="off"
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </div>
  )
}
