import { Client } from 'pg'

/**
 * A connection of the orchestrator's own, which no fault is made to.
 * @param timeoutMs for an answer
 */
export async function connectAdmin(url: string, timeoutMs = 30_000): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: adminName,
    connectionTimeoutMillis: 5_000,
    query_timeout: timeoutMs,
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
