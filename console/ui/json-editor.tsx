import { useId } from '../preact.ts'

/** Either what the text says, or what is wrong with it. */
export type JsonReading = { readonly value: unknown } | { readonly problem: string }

export function readJson(text: string): JsonReading {
  if (text.trim() === '')
    return { problem: 'It is empty; JSON has at least {}, [], "", a number, true, false or null' }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    return { problem: placeOf(text, error instanceof Error ? error.message : String(error)) }
  }
}

/** Engines word it in their own ways; a position among it is made a line and a column. */
function placeOf(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1]
  if (position === undefined || message.includes('line ')) return message
  const lines = text.slice(0, Number(position)).split('\n')
  return `${message} (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`
}

interface JsonEditorProps {
  readonly label: string
  readonly text: string
  readonly onText: (text: string) => void
  readonly rows?: number | undefined
  /** In a dialog: what is typed first goes here. */
  readonly autoFocus?: boolean | undefined
}

/** A text area that says at once where its JSON is wrong. Tab leaves it, as everywhere. */
export function JsonEditor({ label, text, onText, rows = 14, autoFocus }: JsonEditorProps) {
  const id = useId()
  const reading = readJson(text)
  const problem = 'problem' in reading ? reading.problem : undefined
  const format = () => {
    if ('value' in reading) onText(JSON.stringify(reading.value, undefined, 2))
  }
  return (
    <div class="field">
      <span class="field-head">
        <label for={id}>{label}</label>
        <button type="button" class="link-button" disabled={problem !== undefined} onClick={format}>
          Format
        </button>
      </span>
      <textarea
        id={id}
        class="input editor"
        rows={rows}
        spellcheck={false}
        autoComplete="off"
        autoFocus={autoFocus}
        value={text}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-state`}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <p id={`${id}-state`} class={problem === undefined ? 'hint good' : 'hint bad'} aria-live="polite">
        {problem ?? 'Valid JSON'}
      </p>
    </div>
  )
}
