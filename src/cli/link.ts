import { auditOf } from '../operate/audit.ts'
import { createLink } from '../operate/links.ts'
import type { OperatorRole } from '../operate/operator.ts'
import { commandAuthor } from './command-author.ts'
import type { DatabaseFlags } from './configuration.ts'
import { withDatabase } from './existing-database.ts'

export interface LinkFlags extends DatabaseFlags {
  readonly role: OperatorRole
  readonly url: string
}

/**
 * `coatcheck link`: makes a link that signs somebody in to the console, once.
 * @throws CoatcheckError `SCHEMA_MISSING`, and what opening the database throws
 */
export async function makeLink({ role, url, ...flags }: LinkFlags): Promise<void> {
  const { token } = await withDatabase(flags, (database) =>
    createLink(database, auditOf(database), role, commandAuthor()),
  )
  console.log(`${url.replace(/\/+$/, '')}/console#link=${token}`)
  // on stderr, so that the link alone goes into a variable
  console.error(`It signs somebody in as ${role}, once and within 10 minutes.`)
}
