/**
 * The milliseconds that a `Retry-After` asks to wait (RFC 9110, 10.2.3): seconds, or a date; one that is over is 0.
 * @returns undefined where it is neither
 */
export function readRetryAfter(value: string | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1_000
  // Date.parse takes much that is no date of HTTP, such as 1.5; those begin with the day of the week (5.6.7)
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)/i.test(value)) return undefined
  const untilMs = Date.parse(value) - Date.now()
  return Number.isNaN(untilMs) ? undefined : Math.max(untilMs, 0)
}
