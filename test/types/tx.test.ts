import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PGlite, Transaction as PgliteTransaction } from '@electric-sql/pglite'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Knex } from 'knex'
import type { ControlledTransaction, Kysely, Transaction as KyselyTrx } from 'kysely'
import type { Client, Pool, PoolClient } from 'pg'
import type { Tx } from '../../src/base/tx.ts'
import type {
  DrizzleTransaction,
  KnexTransaction,
  KyselyTransaction,
  PrismaTransaction,
} from '../../src/tx/tx.ts'
import type { PrismaClient, PrismaTransactionClient } from '../tx/prisma/client.ts'
import type { Equal, Expect } from './expect.ts'

type Takes<Wanted, Given> = Given extends Wanted ? true : false
type DrizzleTrx<Schema extends Record<string, unknown>> = Parameters<
  Parameters<NodePgDatabase<Schema>['transaction']>[0]
>[0]
interface Tables {
  employee: { id: number }
}

// these are a Tx as they are
export type AreTx = [
  Expect<Takes<Tx, Client>>,
  Expect<Takes<Tx, PoolClient>>,
  Expect<Takes<Tx, PgliteTransaction>>,
]

// these need their wrapper, and the compiler says so
export type NeedWrapper = [
  Expect<Equal<Takes<Tx, KyselyTrx<Tables>>, false>>,
  Expect<Equal<Takes<Tx, Knex.Transaction>, false>>,
  Expect<Equal<Takes<Tx, DrizzleTrx<Record<string, never>>>, false>>,
  Expect<Equal<Takes<Tx, PrismaTransactionClient>, false>>,
]

// these are no transactions, yet compile as one; `checkTx` refuses them when they are used
export type CompileAndAreRefused = [Expect<Takes<Tx, Pool>>, Expect<Takes<Tx, PGlite>>]

// each wrapper takes the transactions of its library, and no whole database
export type Wrapped = [
  Expect<Takes<KyselyTransaction, KyselyTrx<Tables>>>,
  Expect<Takes<KyselyTransaction, ControlledTransaction<Tables>>>,
  Expect<Equal<Takes<KyselyTransaction, Kysely<Tables>>, false>>,
  Expect<Takes<KnexTransaction, Knex.Transaction>>,
  Expect<Takes<KnexTransaction, Knex.Transaction<Tables['employee'], number[]>>>,
  Expect<Equal<Takes<KnexTransaction, Knex>, false>>,
  Expect<Takes<DrizzleTransaction, DrizzleTrx<Record<string, never>>>>,
  Expect<Takes<DrizzleTransaction, DrizzleTrx<Record<string, unknown>>>>,
  Expect<Equal<Takes<DrizzleTransaction, NodePgDatabase>, false>>,
  Expect<Takes<PrismaTransaction, PrismaTransactionClient>>,
  Expect<Equal<Takes<PrismaTransaction, PrismaClient>, false>>,
]

test('the wrappers take what they are for', () => {
  assert.ok(true)
})
