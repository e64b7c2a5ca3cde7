import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'

/**
 * Whether a header can carry it: `fetch` would refuse it with an error that does not say which it was.
 * @param name what to call it in the error
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function checkHeader(name: string, value: unknown, longest = 8_000): asserts value is string {
  if (
    typeof value === 'string' &&
    value.length <= longest &&
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  )
    return
  const shown = name === 'token' ? 'what no header can carry' : showValue(value)
  throw new CoatcheckError(
    'OPTION_INVALID',
    `${name} is ${shown}; give 1 to ${longest} visible ASCII characters, with spaces only between them`,
  )
}
