import { brandOf, markBrand } from '../base/errors.ts'

export interface ProblemOptions {
  /** The HTTP status: 400–599. */
  readonly status: number
  /** What programs tell it by, in capitals: `EMPLOYEE_UNKNOWN`. */
  readonly code: string
  /** What happened this time, in a sentence for people. */
  readonly detail: string
  /** Where in the input it is, as the `errors` of RFC 9457. */
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]
  /** What brought it about; for the log, callers never see it. */
  readonly cause?: unknown
}

/**
 * An error that a service answers with: over HTTP an `application/problem+json` (RFC 9457) of this status and code.
 * @example throw new Problem({ status: 409, code: 'ALREADY_HIRED', detail: 'Employee 42 has an account' })
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]

  constructor(options: ProblemOptions) {
    super(options.detail, options.cause === undefined ? undefined : { cause: options.cause })
    // an answer of 200 with a problem in it would pass for success
    this.status =
      Number.isInteger(options.status) && options.status >= 400 && options.status <= 599
        ? options.status
        : 500
    this.code = options.code
    this.detail = options.detail
    if (options.errors) this.errors = options.errors
    markBrand(this, 'problem')
  }
}

/** Whether a value is a {@link Problem}, also one of another copy of the package. */
export function isProblem(value: unknown): value is Problem {
  return brandOf(value) === 'problem'
}
