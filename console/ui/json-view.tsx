import { useState } from '../preact.ts'
import { showNumber } from './format.ts'

const openDepth = 2
const shownEntries = 100
const shownCharacters = 2_000

/**
 * JSON to fold and unfold. All of it is text: whatever a payload holds, nothing in it is markup. Large ones are shown
 * in parts.
 */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  return (
    <div class="json" tabIndex={0} role="group" aria-label={label}>
      <Value value={value} depth={0} />
    </div>
  )
}

function Value({ value, depth }: { value: unknown; depth: number }) {
  if (Array.isArray(value))
    return <Branch entries={value.map((each, index) => [index, each])} depth={depth} isList />
  if (typeof value === 'object' && value !== null)
    return <Branch entries={Object.entries(value)} depth={depth} isList={false} />
  if (typeof value === 'string') return <Text text={value} />
  return <span class={`json-${value === null ? 'null' : typeof value}`}>{String(value)}</span>
}

function Text({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > shownCharacters
  const shown = isLong && !isWhole ? text.slice(0, shownCharacters) : text
  return (
    <span class="json-string">
      {JSON.stringify(shown)}
      {isLong && !isWhole ? (
        <button type="button" class="link-button" onClick={() => setWhole(true)}>
          … {showNumber(text.length - shownCharacters)} more characters
        </button>
      ) : null}
    </span>
  )
}

interface BranchProps {
  readonly entries: readonly (readonly [name: string | number, value: unknown])[]
  readonly depth: number
  readonly isList: boolean
}

function Branch({ entries, depth, isList }: BranchProps) {
  const [isOpen, setOpen] = useState(depth < openDepth)
  const [shown, setShown] = useState(shownEntries)
  const [before, after] = isList ? ['[', ']'] : ['{', '}']
  if (entries.length === 0)
    return (
      <span class="json-mark">
        {before}
        {after}
      </span>
    )
  const count = `${showNumber(entries.length)} ${isList ? 'entries' : entries.length === 1 ? 'field' : 'fields'}`
  return (
    <span class="json-branch">
      <button
        type="button"
        class="json-fold"
        aria-expanded={isOpen}
        title={count}
        onClick={() => setOpen(!isOpen)}
      >
        {isOpen ? before : `${before} ${count} ${after}`}
      </button>
      {isOpen ? (
        <>
          <span class="json-entries">
            {entries.slice(0, shown).map(([name, each]) => (
              <span class="json-entry" key={name}>
                <span class="json-name">{isList ? name : JSON.stringify(name)}</span>
                <span class="json-mark">: </span>
                <Value value={each} depth={depth + 1} />
              </span>
            ))}
            {entries.length > shown ? (
              <button type="button" class="link-button" onClick={() => setShown(shown + shownEntries)}>
                {showNumber(entries.length - shown)} more
              </button>
            ) : null}
          </span>
          <span class="json-mark">{after}</span>
        </>
      ) : null}
    </span>
  )
}
