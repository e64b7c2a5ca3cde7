/**
 * A transaction, as far as we need to know it. A `pg` client is one; `coatcheck/tx` makes one of a Kysely, Knex, Drizzle or
 * Prisma transaction.
 */
export interface Tx {
  // `unknown` would force a cast on every column that a handler reads, and `pg` itself says `any`
  // oxlint-disable-next-line typescript/no-explicit-any
  query(text: string, values?: unknown[]): Promise<{ rows: any[] }>
}
