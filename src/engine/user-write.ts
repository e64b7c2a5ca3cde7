import { CoatcheckError } from '../base/errors.ts'
import type { Tx } from '../base/tx.ts'

const deadlineMs = 5_000

/** Runs a callback of `atCommit`, bounded: one that never returns would hold the transaction open. */
export async function runWrite(write: (tx: Tx) => unknown, transaction: Tx): Promise<void> {
  let over = false
  // A handle of its own: what a callback left running must not write into what comes after it.
  const tx: Tx = {
    query: (text, values) => {
      if (over)
        return Promise.reject(
          new CoatcheckError('HANDLER_OVER', 'the callback of atCommit is over; await all its queries'),
        )
      return transaction.query(text, values)
    },
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new CoatcheckError(
            'AT_COMMIT_FAILED',
            `a callback of atCommit did not end within ${deadlineMs} ms`,
          ),
        ),
      deadlineMs,
    )
  })
  try {
    await Promise.race([Promise.resolve(write(tx)), late])
  } finally {
    over = true
    clearTimeout(timer)
  }
}
