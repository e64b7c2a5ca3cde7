/** A choice of a few, all seen. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onValue,
}: {
  label: string
  value: T
  options: readonly T[]
  onValue: (value: T) => void
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onValue(option)}>
          {option}
        </button>
      ))}
    </div>
  )
}
