const width = 120
const height = 24

/** A small line without axes; in words for who listens. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const top = Math.max(1, ...values)
  const step = values.length > 1 ? width / (values.length - 1) : width
  const points = values.map((value, index) => {
    const y = height - 1.5 - (value / top) * (height - 3)
    return `${(index * step).toFixed(1)} ${y.toFixed(1)}`
  })
  const line = `M${points.join('L')}`
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {points.length === 0 ? null : (
        <>
          <path class="sparkline-area" d={`${line}L${width} ${height}L0 ${height}Z`} />
          <path class="sparkline-line" d={line} />
        </>
      )}
    </svg>
  )
}
