import { CallFailed } from '../../api/call-failed.ts'
import {
  actOnItems,
  previewActs,
  type BulkKind,
  type BulkProgress,
  type ItemFilter,
} from '../../api/items.ts'
import { useEffect, useRef, useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { ReasonField } from '../../ui/ask-dialog.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { plural, showCount } from '../../ui/format.ts'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { actWords } from './act-words.ts'
import { BulkReportView } from './bulk-report.tsx'

interface BulkDialogProps {
  readonly act: BulkKind
  readonly filter: ItemFilter
  /** What is acted on, in words. */
  readonly what: string
  readonly onClose: (wasDone: boolean) => void
}

/** Says how many it would be, asks once, then shows how far it is; it can be ended at any time. */
export function BulkDialog({ act, filter, what, onClose }: BulkDialogProps) {
  const words = actWords[act]
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState('')
  const [progress, setProgress] = useState<BulkProgress>()
  const [problem, setProblem] = useState<CallFailed>()
  const [isRunning, setRunning] = useState(false)
  const ended = useRef<AbortController | undefined>(undefined)
  const preview = useLoaded(`preview ${act} ${JSON.stringify(filter)}`, (signal) =>
    previewActs(act, filter, signal),
  )
  useEffect(() => () => ended.current?.abort(), [])

  const start = async () => {
    setRunning(true)
    setProblem(undefined)
    setProgress({})
    const controller = new AbortController()
    ended.current = controller
    const untilTime = until === '' ? undefined : new Date(until).toISOString()
    const order = { act, filter, reason: reason.trim() || undefined, until: untilTime }
    try {
      for await (const line of actOnItems(order, controller.signal))
        setProgress((before) => ({ ...before, ...line }))
    } catch (error) {
      if (!controller.signal.aborted)
        setProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
    }
    setRunning(false)
  }

  const count = preview.value
  const isOver = progress !== undefined && !isRunning
  const close = () => onClose(progress !== undefined)
  return (
    <Dialog title={`${words.name}: ${what}`} onClose={close} isBusy={isRunning}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault()
          void start()
        }}
      >
        {progress === undefined ? (
          <>
            <p class="big-count" aria-live="polite">
              {count === undefined ? (
                'Counting…'
              ) : (
                <>
                  <b>{showCount(count.count, count.isAtLeast)}</b> {count.count === 1 ? 'item' : 'items'} of a
                  state in which this makes sense
                </>
              )}
            </p>
            <p>{words.many}</p>
            {act === 'defer' ? (
              <Field
                label="Until (empty: until somebody resumes them)"
                type="datetime-local"
                value={until}
                onValue={setUntil}
              />
            ) : null}
            <ReasonField value={reason} onValue={setReason} />
          </>
        ) : (
          <BulkReportView progress={progress} isRunning={isRunning} expected={count?.count} />
        )}
        {preview.problem === undefined ? null : <ProblemNote problem={preview.problem} />}
        {problem === undefined ? null : <ProblemNote problem={problem} />}
        <footer class="dialog-foot">
          {isRunning ? (
            <button type="button" class="button danger" onClick={() => ended.current?.abort()}>
              End it here
            </button>
          ) : (
            <button type="button" class="button" onClick={close}>
              {isOver ? 'Close' : 'Back'}
            </button>
          )}
          {progress === undefined ? (
            <button
              type="submit"
              class={words.isDangerous ? 'button danger' : 'button primary'}
              disabled={count === undefined || count.count === 0}
            >
              {count === undefined
                ? words.name
                : `${words.name} ${count.isAtLeast ? 'all' : plural(count.count, 'item')}`}
            </button>
          ) : null}
        </footer>
      </form>
    </Dialog>
  )
}
