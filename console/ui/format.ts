const plain = new Intl.NumberFormat('en-US')
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

export const showNumber = (value: number) => plain.format(value)

/** `12.3K`, for axes and places without room. */
export const showCompact = (value: number) => compact.format(value)

/** `10,000+` where it was not counted to the end. */
export const showCount = (count: number, isAtLeast = false) => `${plain.format(count)}${isAtLeast ? '+' : ''}`

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h`. */
export function showDuration(ms: number): string {
  const length = Math.max(0, ms)
  if (length < 1) return length === 0 ? '0 ms' : '<1 ms'
  if (length < second) return `${Math.round(length)} ms`
  if (length < 10 * second) return `${(length / second).toFixed(1)} s`
  if (length < minute) return `${Math.round(length / second)} s`
  if (length < hour) return twoUnits(length, minute, 'min', second, 's')
  if (length < day) return twoUnits(length, hour, 'h', minute, 'min')
  return twoUnits(length, day, 'd', hour, 'h')
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const smalls = Math.floor((ms % large) / small)
  const larges = `${Math.floor(ms / large)} ${largeName}`
  return smalls === 0 ? larges : `${larges} ${smalls} ${smallName}`
}

/** One unit alone, for ages: `12 s`, `3 min`, `5 h`, `2 d`. */
export function showAge(ms: number): string {
  const age = Math.max(0, ms)
  if (age < minute) return `${Math.floor(age / second)} s`
  if (age < hour) return `${Math.floor(age / minute)} min`
  if (age < day) return `${Math.floor(age / hour)} h`
  return `${Math.floor(age / day)} d`
}

const clockTime = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})
const dayTime = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const whole = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' })

export const showClock = (at: number | string) => clockTime.format(new Date(at))
export const showMoment = (at: number | string) => dayTime.format(new Date(at))
export const showWhole = (at: number | string) =>
  `${whole.format(new Date(at))} · ${new Date(at).toISOString()}`

/** The last part of an id tells items apart; the first is the time. */
export const shortId = (id: string) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id)

/** `1 item`, `2 items`. */
export const plural = (count: number, one: string, many = `${one}s`) =>
  `${showNumber(count)} ${count === 1 ? one : many}`

/** `queue-processor` → `Queue processor`. */
export const showName = (name: string) => {
  const text = name.replaceAll(/[-_.]/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
