/** Longer ones are forgotten: the trip is a cookie. */
const longest = 1_000

/**
 * Where in the console somebody wanted to be before the sign-in, as what stands behind `/console`: `/items?state=broken`.
 * @returns '' where it leads anywhere else, or is no such thing
 */
export function readReturnPath(given: string | undefined): string {
  if (given === undefined || given.length > longest || !/^[/?][\x21-\x7e]*$/.test(given)) return ''
  // As a browser reads it: two dots, also encoded ones, lead out of it, and a backslash is a slash.
  const url = URL.parse(`http://node/console${given}`)
  if (!url || url.host !== 'node' || !/^\/console(?:\/|$)/.test(url.pathname)) return ''
  return url.pathname.slice('/console'.length) + url.search
}
