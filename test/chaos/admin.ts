import { Client } from 'pg'

/** A connection of the orchestrator's own, which no fault is made to. */
export async function connectAdmin(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: adminName,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
  })
  // Ended by a server that goes away.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** One statement over a connection of its own. */
export async function askAdmin(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = await connectAdmin(url)
  try {
    const { rows } = await client.query(text, values)
    return rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

export const adminName = 'chaos-admin'
