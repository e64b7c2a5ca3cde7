import { brandOf, markBrand } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { connectionFailureIn } from './connection-failure.ts'
import type { Problem } from './problem.ts'
import { readProperty } from './read-property.ts'

/** What every throw is made into before a retry rule or `queueWhen` sees it. */
export interface Failure {
  /** From the error itself (`ECONNREFUSED` and its kind become `CONNECTION_FAILED`), else `HANDLER_FAILED`. */
  readonly code: string
  /** The HTTP status, where the error has one. */
  readonly status?: number
  /** At most 2,000 characters. */
  readonly message: string
  /** What was thrown, as it was. */
  readonly cause?: unknown
}

/** A failure as it is stored and shown: without its cause, which may hold anything. */
export interface FailureRecord {
  readonly code: string
  readonly status?: number
  readonly message: string
  /** There where a `Problem` was thrown: its code, status and message were written for callers, and so were these. */
  readonly problem?: { readonly errors?: NonNullable<Problem['errors']> }
}

const maxMessage = 2000
const maxCode = 100
const maxErrors = 100

/**
 * Makes a failure of anything that was thrown: an Error of any library, a string, undefined, an object whose getters
 * throw. Never throws itself. What is a failure already stays as it is.
 */
export function toFailure(error: unknown): Failure {
  const brand = brandOf(error)
  if (brand === 'failure') return error as Failure
  const status = statusOf(error)
  const own = brand === undefined ? undefined : ownCode(error, brand)
  // a system that sent a status was reached
  const connection = own === undefined && status === undefined ? connectionFailureIn(error) : undefined
  const message = connection ? joinMessages(messageOf(error), connection.message) : messageOf(error)
  const failure = {
    code: cleanText(own ?? (connection ? 'CONNECTION_FAILED' : (codeOf(error) ?? 'HANDLER_FAILED')), maxCode),
    ...(status === undefined ? {} : { status }),
    message: cleanText(message, maxMessage),
    ...(error === undefined ? {} : { cause: error }),
  }
  markBrand(failure, 'failure')
  return Object.freeze(failure)
}

/** The part of a failure that is stored and shown. */
export function failureRecord(failure: Failure): FailureRecord {
  const { code, status, message } = failure
  return {
    code: cleanText(code, maxCode),
    ...(status === undefined ? {} : { status }),
    message: cleanText(message, maxMessage),
    ...problemPart(failure.cause),
  }
}

/** Without it nobody could tell later what is for callers from what only looks like it: many libraries set code and status. */
function problemPart(thrown: unknown): Pick<FailureRecord, 'problem'> {
  if (brandOf(thrown) !== 'problem') return {}
  const errors = readProperty(thrown, 'errors')
  try {
    if (!Array.isArray(errors)) return { problem: {} }
    const told = errors.slice(0, maxErrors).map((error: unknown) => ({
      detail: textIn(error, 'detail'),
      pointer: textIn(error, 'pointer'),
    }))
    return { problem: { errors: told } }
  } catch {
    return { problem: {} }
  }
}

/** The code of an error of ours; its own connection causes do not change it. */
function ownCode(error: unknown, brand: string): string | undefined {
  if (brand === 'reject') return 'REJECTED'
  if (brand === 'retry-later') return 'RETRY_LATER'
  return codeOf(error)
}

function codeOf(error: unknown): string | undefined {
  const code = readProperty(error, 'code')
  return typeof code === 'string' && code !== '' ? code : undefined
}

/** `status` (fetch wrappers), `statusCode` (Node, got) or `response.status` (axios, ky). */
function statusOf(error: unknown): number | undefined {
  const response = readProperty(error, 'response')
  const places = [
    readProperty(error, 'status'),
    readProperty(error, 'statusCode'),
    readProperty(response, 'status'),
    readProperty(response, 'statusCode'),
  ]
  return places.find(
    (status): status is number =>
      Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 599,
  )
}

function messageOf(error: unknown): string {
  if (typeof error === 'string' && error !== '') return error
  const message = readProperty(error, 'message')
  if (typeof message === 'string' && message !== '') return message
  const name = readProperty(error, 'name')
  if (typeof error === 'object' && typeof name === 'string' && name !== '') return `${name} without a message`
  return `The handler threw ${showValue(error)}`
}

function textIn(value: unknown, name: string): string {
  const text = readProperty(value, name)
  return typeof text === 'string' ? cleanText(text, maxMessage) : ''
}

/** `fetch failed` alone helps nobody: what it was caused by is said too. */
function joinMessages(outer: string, inner: string): string {
  if (inner === '' || outer.includes(inner)) return outer
  return outer.endsWith('without a message') ? inner : `${outer}: ${inner}`
}

/** Text that PostgreSQL can store (no NUL, well-formed), cut to a length. */
function cleanText(text: string, maxLength: number): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text
  return short.replaceAll('\0', '\u{fffd}').toWellFormed()
}
