import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What the lines of the audit can be told apart by. */
export interface AuditChoices {
  readonly acts: readonly string[]
  readonly subjects: readonly string[]
  /** Those of the last lines. */
  readonly operators: readonly { readonly id: string; readonly name: string }[]
}

const maxWords = 200
const maxOperators = 100
/** Each link and each sign-in through an issuer may make an operator of its own, so those of long ago are left out. */
const linesOfOperators = 2_000

/** Each value of a column once, by one look into its index for each: the table may be long. */
function wordsOf(schema: string, column: string): string {
  return `
  words_of_${column} as (
    (select a.${column} as word from ${schema}.operator_audit a order by a.${column} limit 1)
    union all
    select (select a.${column} from ${schema}.operator_audit a where a.${column} > w.word order by a.${column} limit 1)
    from words_of_${column} w
    where w.word is not null
  )`
}

const choices = statement(
  'audit-choices',
  (schema) => `
  with recursive ${wordsOf(schema, 'act')}, ${wordsOf(schema, 'subject')},
  recent as (
    select a.operator, a.name, a.id from ${schema}.operator_audit a order by a.at desc, a.id desc limit ${linesOfOperators}
  ),
  operators as (
    select distinct on (r.operator) r.operator, r.name, r.id from recent r order by r.operator, r.id desc
  )
  (select 'act' as kind, word, null as name from words_of_act where word is not null limit ${maxWords})
  union all
  (select 'subject', word, null from words_of_subject where word is not null limit ${maxWords})
  union all
  (select 'operator', o.operator, o.name from operators o order by o.id desc limit ${maxOperators})`,
)

export async function readAuditChoices(runner: Runner, schema: string): Promise<AuditChoices> {
  const rows = await runner.run(choices(schema))
  const of = (kind: string): Row[] => rows.filter((row) => row['kind'] === kind)
  return {
    acts: of('act').map((row) => row['word'] as string),
    subjects: of('subject').map((row) => row['word'] as string),
    operators: of('operator').map((row) => ({ id: row['word'] as string, name: row['name'] as string })),
  }
}
