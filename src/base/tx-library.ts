/** A library whose transactions `coatcheck/tx` can wrap. */
export interface TxLibrary {
  readonly name: 'Kysely' | 'Knex' | 'Drizzle' | 'Prisma'
  /** The function of `coatcheck/tx`. */
  readonly wrapper: string
  /** How a transaction is come by, for error sentences. */
  readonly begin: string
  /** Whether the value is the library's database or a transaction of it. */
  owns(value: Members): boolean
  /** Whether such a value is a transaction, and not the whole database. */
  isTransaction(value: Members): boolean
}

/** An object or function that may have any members. */
export type Members = Readonly<Record<PropertyKey, unknown>>

const drizzleKind = Symbol.for('drizzle:entityKind')

// By shape, not by class: the application has its own copy of the library, of whatever release.
const libraries: readonly TxLibrary[] = [
  {
    name: 'Kysely',
    wrapper: 'fromKysely',
    begin: 'db.transaction().execute(async (trx) => …)',
    owns: (value) => isFunction(value['executeQuery']) && isFunction(value['getExecutor']),
    isTransaction: (value) => value['isTransaction'] === true,
  },
  {
    name: 'Knex',
    wrapper: 'fromKnex',
    begin: 'knex.transaction(async (trx) => …)',
    owns: (value) => isFunction(value) && isFunction(value['raw']) && isFunction(value['queryBuilder']),
    isTransaction: (value) => value['isTransaction'] === true && isFunction(value['isCompleted']),
  },
  {
    name: 'Drizzle',
    wrapper: 'fromDrizzle',
    begin: 'db.transaction(async (tx) => …)',
    owns: (value) =>
      isFunction(value['execute']) && toMembers(value['constructor'])?.[drizzleKind] !== undefined,
    isTransaction: (value) => isFunction(value['rollback']),
  },
  {
    name: 'Prisma',
    wrapper: 'fromPrisma',
    begin: 'prisma.$transaction(async (tx) => …)',
    owns: (value) => isFunction(value['$queryRawUnsafe']),
    isTransaction: (value) => value['$connect'] === undefined,
  },
]

/** The library that made the value, be it a database or a transaction of it. Undefined for all else, a `pg` client too. */
export function findTxLibrary(value: unknown): TxLibrary | undefined {
  const members = toMembers(value)
  return members && libraries.find((library) => library.owns(members))
}

export function toMembers(value: unknown): Members | undefined {
  return (typeof value === 'object' && value !== null) || isFunction(value) ? (value as Members) : undefined
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
