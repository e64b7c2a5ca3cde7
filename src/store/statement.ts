import { createHash } from 'node:crypto'
import type { Statement } from './driver.ts'
import { quotedSchema } from './schema-name.ts'

/**
 * A hot statement of ours, made once per schema: `const appendRows = statement('append-rows', (schema) => `insert into
 * ${schema}.log …`)`, then `driver.run(appendRows(schema), values)`.
 * @param name tells the statement in logs; a hash of the text follows it, so that two schemas, or two releases of this package,
 * can share a connection
 * @param build gets the schema's name quoted, ready to stand before a dot
 */
export function statement(name: string, build: (schema: string) => string): (schema: string) => Statement {
  const made = new Map<string, Statement>()
  return (schema) => {
    let found = made.get(schema)
    if (!found) {
      const text = build(quotedSchema(schema))
      const hash = createHash('sha256').update(text).digest('hex').slice(0, 12)
      // the server keeps 63 bytes of a name
      found = Object.freeze({ name: `${name.slice(0, 50)}_${hash}`, text })
      made.set(schema, found)
    }
    return found
  }
}

/** The name that a statement was made with. */
export function titleOf(name: string): string {
  return name.replace(/_[0-9a-f]{12}$/, '')
}
