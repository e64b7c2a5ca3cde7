import { connectAdmin } from '../admin.ts'
import type { Stage } from '../stage.ts'

/** A snapshot that nobody lets go of: nothing that it may still see is cleaned away. @returns ends it */
export async function pinSnapshot(stage: Stage): Promise<() => Promise<void>> {
  const client = await connectAdmin(stage.server.url)
  await client.query('begin isolation level repeatable read')
  await client.query('select count(*) from coatcheck.partition')
  return () => client.end()
}
