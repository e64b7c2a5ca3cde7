import type { Driver } from '../../src/store/driver.ts'

type Line = Record<string, unknown>

/**
 * Writes down what a schema holds, as SQL that is to be read: tables with their constraints, indexes, sequences, and the
 * heads of functions (their bodies stand in the migrations, whole). The same for every release of PostgreSQL.
 */
export async function dumpSchema(driver: Driver, schema: string): Promise<string> {
  const ask = async (text: string): Promise<Line[]> => {
    const rows = await driver.query(text.replaceAll('{schema}', `'${schema}'::regnamespace`))
    return rows.rows
  }
  const columns = await ask(`
    select c.relname as name, a.attname as "column", format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
      pg_get_expr(d.adbin, d.adrelid) as preset, c.reloptions as options
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = {schema} and c.relkind = 'r'
    order by c.relname, a.attnum`)
  // Since release 18 what is not null is a constraint, too.
  const constraints = await ask(`
    select c.relname as name, pg_get_constraintdef(r.oid) as text
    from pg_constraint r
    join pg_class c on c.oid = r.conrelid
    where c.relnamespace = {schema} and r.contype <> 'n'
    order by c.relname, r.contype <> 'p', r.conname`)
  const indexes = await ask(`
    select pg_get_indexdef(i.indexrelid) as text
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = {schema} and not exists (select from pg_constraint r where r.conindid = i.indexrelid)
    order by c.relname`)
  const sequences = await ask(`
    select c.relname as name from pg_class c where c.relnamespace = {schema} and c.relkind = 'S' order by c.relname`)
  const functions = await ask(`
    select p.proname as name, pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result,
      l.lanname as language, p.provolatile as volatility, p.proconfig as settings
    from pg_proc p
    join pg_language l on l.oid = p.prolang
    where p.pronamespace = {schema}
    order by p.proname, pg_get_function_arguments(p.oid)`)
  const tables = [...Map.groupBy(columns, (row) => String(row['name']))].map(([name, rows]) => {
    const lines = [
      ...rows.map((row) => `  ${columnText(row)}`),
      ...constraints.filter((row) => row['name'] === name).map((row) => `  ${String(row['text'])}`),
    ]
    const options = rows[0]?.['options'] as string[] | null
    return `create table ${name} (\n${lines.join(',\n')}\n)${options ? ` with (${options.join(', ')})` : ''};`
  })
  const parts = [
    tables.join('\n\n'),
    indexes.map((row) => `${String(row['text'])};`).join('\n'),
    sequences.map((row) => `create sequence ${String(row['name'])};`).join('\n'),
    functions.map((row) => functionText(row)).join('\n'),
  ]
  return `${parts.join('\n\n').replaceAll(`${schema}.`, '')}\n`
}

function columnText(row: Line): string {
  const preset = typeof row['preset'] === 'string' ? ` default ${row['preset']}` : ''
  return `${String(row['column'])} ${String(row['type'])}${row['required'] ? ' not null' : ''}${preset}`
}

const volatilities: Record<string, string> = { i: ' immutable', s: ' stable', v: '' }

function functionText(row: Line): string {
  const settings = ((row['settings'] as string[] | null) ?? []).map((setting) => ` set ${setting}`).join('')
  const volatility = volatilities[String(row['volatility'])] ?? ''
  return `create function ${String(row['name'])}(${String(row['arguments'])}) returns ${String(row['result'])} language ${String(row['language'])}${volatility}${settings};`
}
