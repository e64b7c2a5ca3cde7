const maxLength = 60

/**
 * A value as an error sentence shows it: JSON where that says most, cut to 60 characters. Never throws, whatever it is
 * given.
 */
export function showValue(value: unknown): string {
  try {
    if (typeof value === 'string') return cut(JSON.stringify(value))
    if (typeof value === 'bigint') return cut(`${value}n`)
    if (typeof value === 'function')
      return value.name === '' ? 'a function' : cut(`the function ${value.name}`)
    if (typeof value !== 'object' || value === null) return cut(String(value))
    if (value instanceof Date) return cut(String(value))
    const name = classOf(value)
    if (Array.isArray(value) || name === 'Object' || name === undefined)
      return cut(JSON.stringify(value) ?? 'an object')
    return `an object of class ${cut(name)}`
  } catch {
    return typeof value === 'object' ? 'an object that cannot be read' : `a ${typeof value}`
  }
}

function classOf(value: object): string | undefined {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' ? name : undefined
}

function cut(text: string): string {
  return (text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text).toWellFormed()
}

/** A number with commas: `10000` as `10,000`. */
export function showNumber(value: number): string {
  return value.toLocaleString('en-US')
}
