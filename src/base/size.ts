/** An amount of bytes: a number, or text such as `'200 kB'`, `'1 MB'`. Units are powers of 1,024. */
export type Size = number | string

const unitBytes = new Map([
  ['b', 1],
  ['byte', 1],
  ['bytes', 1],
  ['kb', 1024],
  ['kib', 1024],
  ['mb', 1_048_576],
  ['mib', 1_048_576],
  ['gb', 1_073_741_824],
  ['gib', 1_073_741_824],
])

/** The bytes of a size, rounded down, or undefined where it is none. */
export function sizeBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined
  if (typeof value !== 'string') return undefined
  const [, amount, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(value) ?? []
  const factor = unitBytes.get(unit.toLowerCase())
  if (amount === undefined || factor === undefined) return undefined
  const bytes = Math.floor(Number(amount) * factor)
  return Number.isFinite(bytes) ? bytes : undefined
}
