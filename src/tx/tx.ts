/** `coatcheck/tx`: makes a {@link Tx} of the transaction of a library, to accept work in it. */
export type { Tx } from '../base/tx.ts'
export { type DrizzleQuery, type DrizzleTransaction, fromDrizzle } from './drizzle.ts'
export { fromKnex, type KnexTransaction } from './knex.ts'
export { fromKysely, type KyselyQuery, type KyselyTransaction } from './kysely.ts'
export { fromPrisma, type PrismaTransaction } from './prisma.ts'
