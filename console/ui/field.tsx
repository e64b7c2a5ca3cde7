import { useId, type ComponentChildren } from '../preact.ts'

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly onValue: (value: string) => void
  readonly type?: 'text' | 'password' | 'number' | 'datetime-local' | 'search' | undefined
  readonly hint?: ComponentChildren
  readonly placeholder?: string | undefined
  readonly isRequired?: boolean | undefined
  readonly maxLength?: number | undefined
  readonly min?: number | undefined
  readonly autoComplete?: string | undefined
  readonly autoFocus?: boolean | undefined
  /** With what each is called, where it says that itself. */
  readonly suggestions?: readonly (string | readonly [value: string, name: string])[] | undefined
}

export function Field(props: FieldProps) {
  const id = useId()
  const { label, hint, suggestions } = props
  // the types of Preact know each type of input apart, and not one that is chosen at run time
  const kind = { type: props.type ?? 'text' } as { type: 'text' }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        {...kind}
        value={props.value}
        placeholder={props.placeholder}
        required={props.isRequired}
        maxLength={props.maxLength}
        min={props.min}
        step={props.type === 'datetime-local' ? 1 : undefined}
        autoComplete={props.autoComplete ?? 'off'}
        autoFocus={props.autoFocus}
        list={suggestions === undefined ? undefined : `${id}-list`}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      {suggestions === undefined ? null : (
        <datalist id={`${id}-list`}>
          {suggestions.map((each) => {
            const [value, name] = typeof each === 'string' ? [each] : each
            return <option key={value} value={value} label={name} />
          })}
        </datalist>
      )}
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
