import { Problem, type Node, type Tx } from '../../src/index.ts'

/** Something that people and services work on, one at a time. */
export interface WorkObject {
  readonly id: string
  readonly status: string
  /** Raised by each update. */
  readonly version: number
  /** Who has it open; null while nobody has. */
  readonly lockedBy: string | null
}

const columns = 'id, status, version, locked_by as "lockedBy"'

/** The table of the work objects C-1 and C-2, in the node's own database: embedded, or PostgreSQL. */
export async function createTable(node: Node): Promise<void> {
  await node.transaction(async (tx) => {
    // two processes that start at once would both make it
    await tx.query('select pg_advisory_xact_lock(4711)')
    await tx.query(`create table if not exists work_object (
      id text primary key,
      status text not null,
      version int not null,
      locked_by text
    )`)
    await tx.query(
      `insert into work_object (id, status, version) values ('C-1', 'new', 1), ('C-2', 'new', 1) on conflict do nothing`,
    )
  })
}

/** @throws Problem 404 where there is none, 423 where somebody has it open */
export async function readUnlocked(db: Tx, id: string): Promise<WorkObject> {
  const found = await read(db, id)
  if (found.lockedBy !== null) throw locked(found)
  return found
}

/**
 * Writes what an update made of a work object.
 * @throws Problem 423 where somebody was quicker since it was read
 */
export async function write(tx: Tx, { id, status, version }: WorkObject): Promise<void> {
  const { rows } = await tx.query(
    'update work_object set status = $2, version = $3 where id = $1 and version = $3 - 1 and locked_by is null returning id',
    [id, status, version],
  )
  if (rows.length === 0) throw locked(await read(tx, id))
}

/** @throws Problem 404 where there is none, 423 where somebody else has it open */
export async function lock(db: Tx, id: string, by: string): Promise<WorkObject> {
  const { rows } = await db.query(
    `update work_object set locked_by = $2 where id = $1 and coalesce(locked_by, $2) = $2 returning ${columns}`,
    [id, by],
  )
  if (rows.length === 0) throw locked(await read(db, id))
  return rows[0] as WorkObject
}

/** @throws Problem 404 where there is none */
export async function unlock(db: Tx, id: string): Promise<WorkObject> {
  await db.query('update work_object set locked_by = null where id = $1', [id])
  return read(db, id)
}

async function read(db: Tx, id: string): Promise<WorkObject> {
  const { rows } = await db.query(`select ${columns} from work_object where id = $1`, [id])
  if (rows.length === 0)
    throw new Problem({ status: 404, code: 'WORK_OBJECT_UNKNOWN', detail: `There is no work object ${id}` })
  return rows[0] as WorkObject
}

function locked({ id, lockedBy }: WorkObject): Problem {
  const by = lockedBy ?? 'another update'
  return new Problem({ status: 423, code: 'WORK_OBJECT_LOCKED', detail: `${id} is locked by ${by}` })
}
