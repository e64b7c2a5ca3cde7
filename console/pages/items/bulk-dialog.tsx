import { CallFailed } from '../../api/call-failed.ts'
import {
  actOnItems,
  previewActs,
  type BulkKind,
  type BulkProgress,
  type ItemFilter,
  type Preview,
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

/** How many items one order meets unless it says another number. */
const usualLimit = 10_000
const maxLimit = 1_000_000

/** Says how many it would be, asks once, then shows how far it is; it can be ended at any time. */
export function BulkDialog({ act, filter, what, onClose }: BulkDialogProps) {
  const words = actWords[act]
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState('')
  const [most, setMost] = useState(String(usualLimit))
  const [progress, setProgress] = useState<BulkProgress>()
  const [problem, setProblem] = useState<CallFailed>()
  const [isRunning, setRunning] = useState(false)
  const ended = useRef<AbortController | undefined>(undefined)
  const preview = useLoaded(`preview ${act} ${JSON.stringify(filter)}`, (signal) =>
    previewActs(act, filter, signal),
  )
  useEffect(() => () => ended.current?.abort(), [])
  const count = preview.value
  // where it was not counted to the end there may be more than one order meets
  const limit = count?.isAtLeast ? Number(most) : undefined
  const isLimitGood = limit === undefined || (Number.isInteger(limit) && limit >= 1 && limit <= maxLimit)

  const start = async () => {
    setRunning(true)
    setProblem(undefined)
    setProgress({})
    const controller = new AbortController()
    ended.current = controller
    const untilTime = until === '' ? undefined : new Date(until).toISOString()
    const order = { act, filter, reason: reason.trim() || undefined, until: untilTime, limit }
    try {
      for await (const line of actOnItems(order, controller.signal))
        setProgress((before) => ({ ...before, ...line }))
    } catch (error) {
      if (!controller.signal.aborted)
        setProblem(error instanceof CallFailed ? error : new CallFailed(0, 'UNEXPECTED', String(error)))
    }
    setRunning(false)
  }

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
            {preview.problem === undefined ? (
              <p class="big-count" aria-live="polite">
                {count === undefined ? (
                  'Counting…'
                ) : (
                  <>
                    <b>{showCount(count.count, count.isAtLeast)}</b>{' '}
                    {count.count === 1 && !count.isAtLeast ? 'item' : 'items'} of a state in which this makes
                    sense
                  </>
                )}
              </p>
            ) : null}
            <p>{words.many}</p>
            {act === 'defer' ? (
              <Field
                label="Until (empty: until somebody resumes them)"
                type="datetime-local"
                value={until}
                onValue={setUntil}
              />
            ) : null}
            {limit === undefined ? null : (
              <Field
                label="At most"
                type="number"
                min={1}
                value={most}
                onValue={setMost}
                hint="The oldest first. It was not counted to the end; what is left takes another order."
              />
            )}
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
              disabled={count === undefined || (count.count === 0 && !count.isAtLeast) || !isLimitGood}
            >
              {count === undefined ? words.name : `${words.name} ${howMany(count, limit)}`}
            </button>
          ) : null}
        </footer>
      </form>
    </Dialog>
  )
}

function howMany({ count }: Preview, limit: number | undefined): string {
  return limit === undefined ? plural(count, 'item') : `the first ${showCount(limit)}`
}
