import { useId } from '../preact.ts'

interface ChoiceProps {
  readonly label: string
  readonly value: string
  /** A name to show where it is not the value. */
  readonly options: readonly (string | readonly [value: string, name: string])[]
  readonly onValue: (value: string) => void
}

export function Choice({ label, value, options, onValue }: ChoiceProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map((option) => {
          const [each, name] = typeof option === 'string' ? [option, option] : option
          return (
            <option key={each} value={each} selected={each === value}>
              {name}
            </option>
          )
        })}
      </select>
    </div>
  )
}
