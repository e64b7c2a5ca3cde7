import { brandOf, CoatcheckError, markBrand } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'

/** What a service returns to say more than its output. Made by {@link reply}. */
export interface Reply<Output> {
  readonly output: Output
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

export interface ReplyOptions {
  /** The HTTP status: 200–599; 200 unless set. */
  readonly status?: number
  /** HTTP headers, beside those of the answer itself. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers with a status and headers of your own.
 * @throws CoatcheckError `OPTION_INVALID` for a status or header that HTTP cannot carry
 * @example return reply({ account: account.id }, { status: 201, headers: { location: `/accounts/${account.id}` } })
 */
export function reply<Output>(output: Output, options: ReplyOptions = {}): Reply<Output> {
  const { status = 200, headers = {} } = options
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `status of reply is ${showValue(status)}; write a whole number from 200 to 599`,
    )
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
  const made = { output, status, headers: Object.freeze({ ...headers }) }
  markBrand(made, 'reply')
  return Object.freeze(made)
}

/** Whether a service returned a {@link Reply}. */
export function isReply(value: unknown): value is Reply<unknown> {
  return brandOf(value) === 'reply'
}

/** RFC 9110, 5.1 and 5.5; a line break in a value would let it add headers of its own. */
function checkHeader(name: string, value: unknown): void {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name))
    throw new CoatcheckError('OPTION_INVALID', `${showValue(name)} in headers of reply is not a header name`)
  if (typeof value !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    throw new CoatcheckError(
      'OPTION_INVALID',
      `header ${name} of reply is ${showValue(value)}; write text of Latin-1 characters without line breaks`,
    )
}
