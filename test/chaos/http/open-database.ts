import { startPostgres } from '../../../scripts/postgres.ts'
import type { Endings } from '../endings.ts'

/** A PostgreSQL of the case's own, which commits to disk. @returns its URL */
export async function openDatabase(endings: Endings): Promise<string> {
  const server = await startPostgres({ version: 15, durable: true })
  endings.add('server', () => server.stop())
  return server.url
}
