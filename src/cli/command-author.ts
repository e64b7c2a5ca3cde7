import { userInfo } from 'node:os'
import type { AuditAuthor } from '../operate/audit.ts'

/** Who does something at a command line: the user of the machine, as far as it has one. */
export function commandAuthor(): AuditAuthor {
  const name = nameOf()
  return { operator: { id: `cli:${name}`, name }, via: 'cli' }
}

function nameOf(): string {
  try {
    return userInfo().username || 'unknown'
  } catch {
    // in a container a user may have a number alone
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
}
