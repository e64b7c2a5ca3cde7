/**
 * A transaction, as far as we need to know it. A `pg` client is one; `coatcheck/tx` makes one of a Kysely, Knex, Drizzle or
 * Prisma transaction.
 */
export interface Tx {
  query(text: string, values?: unknown[]): Promise<{ rows: any[] }>
}
