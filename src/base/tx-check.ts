import { CoatcheckError } from './errors.ts'
import { showValue } from './shown-value.ts'
import { findTxLibrary, isFunction, type Members, toMembers } from './tx-library.ts'
import type { Tx } from './tx.ts'

const ways =
  "give a pg client that has begun one, or what fromKysely, fromKnex, fromDrizzle or fromPrisma of 'coatcheck/tx' makes"

/**
 * Checks what a caller gave as `tx`: types let some objects pass that fail, or commit on their own, when they are used.
 * @returns a {@link Tx} over it, which also checks that its answers have rows
 * @throws CoatcheckError `OPTION_INVALID` for a transaction of Kysely, Knex, Drizzle or Prisma that is not wrapped, for a pool
 * or a whole database, and for whatever has no `query`
 */
export function checkTx(value: unknown): Tx {
  const problem = findProblem(value)
  if (problem !== undefined) throw new CoatcheckError('OPTION_INVALID', `tx is ${problem}`)
  const tx = value as Tx
  return {
    async query(text, values) {
      const answer: unknown = await tx.query(text, values)
      const rows = toMembers(answer)?.['rows']
      if (!Array.isArray(rows))
        throw new CoatcheckError(
          'OPTION_INVALID',
          `tx is ${showValue(value)}, whose query answered ${showValue(answer)}; it must answer { rows: […] }`,
        )
      return { rows }
    },
  }
}

function findProblem(value: unknown): string | undefined {
  const library = findTxLibrary(value)
  const members = toMembers(value)
  if (library && members)
    return library.isTransaction(members)
      ? `a ${library.name} transaction; wrap it: ${library.wrapper}(trx), of 'coatcheck/tx'`
      : `a ${library.name} database, not a transaction of it; wrap the one that ${library.begin} gives: ${library.wrapper}(trx)`
  if (!members || !isFunction(members['query'])) return `${showValue(value)}, and no transaction; ${ways}`
  if (isPool(members))
    return 'a pg pool, which runs each statement on any of its connections; take a client with pool.connect(), begin a transaction on it, and give that'
  if (isFunction(members['transaction']))
    return `${showValue(value)}, which is not a transaction but makes them; give the one that its method transaction passes on`
  return undefined
}

function isPool(value: Members): boolean {
  return typeof value['totalCount'] === 'number' && typeof value['idleCount'] === 'number'
}
