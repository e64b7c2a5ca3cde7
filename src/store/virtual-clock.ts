import type { Runner } from './driver.ts'
import { quotedSchema } from './schema-name.ts'
import { statement } from './statement.ts'

const isThere = statement(
  'virtual-clock-is-there',
  () => `
  select to_regclass($1) is not null as found`,
)

/** Puts a clock that can be moved in the place of the schema's own: for tests, in a schema that is only theirs. */
export async function installVirtualClock(runner: Runner, schema: string): Promise<void> {
  const quoted = quotedSchema(schema)
  const [row] = await runner.run(isThere(schema), [`${quoted}.virtual_clock`])
  if (row?.['found'] === true) return
  await runner.query(`
    create table ${quoted}.virtual_clock (ahead interval not null);
    insert into ${quoted}.virtual_clock values ('0');
    create or replace function ${quoted}.clock() returns timestamptz
    language sql volatile as $$ select clock_timestamp() + (select ahead from ${quoted}.virtual_clock) $$`)
}

// The leases move along, or every node would be taken for dead.
const advance = statement(
  'advance-virtual-clock',
  (schema) => `
  with leases as (
    update ${schema}.node
    set lease_until = lease_until + $1 * interval '1 ms'
  )
  update ${schema}.virtual_clock
  set ahead = ahead + $1 * interval '1 ms'`,
)

/** Moves the clock of the schema forward. */
export async function advanceVirtualClock(
  runner: Runner,
  schema: string,
  milliseconds: number,
): Promise<void> {
  await runner.run(advance(schema), [milliseconds])
}
