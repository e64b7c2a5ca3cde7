import { CoatcheckError } from '../base/errors.ts'

/** Why an attempt failed that its handler had ended well. */
export function tooLarge(cause: unknown): CoatcheckError {
  return new CoatcheckError(
    'OUTCOME_TOO_LARGE',
    'what the attempt leaves, its result and what it has enqueued, could not be stored in time, though the database answers: let it enqueue fewer items, or keep a large result elsewhere',
    { cause },
  )
}

export function writesFailed(cause: unknown): CoatcheckError {
  return new CoatcheckError('AT_COMMIT_FAILED', `atCommit failed: ${messageOf(cause)}`, { cause })
}

export function cannotBeStored(cause: unknown): CoatcheckError {
  return new CoatcheckError('RESULT_INVALID', `the outcome could not be stored: ${messageOf(cause)}`)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
