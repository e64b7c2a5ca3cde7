import type { DatabaseOptions } from '../store/database.ts'

/** Parameters of a database's URL that say how it is reached, and no secret. */
const openParameters = new Set(['sslmode', 'application_name', 'connect_timeout', 'host', 'port'])

/** A URL without what may be secret in it: its password, and what stands in its query. */
export function redactUrl(text: string, open: ReadonlySet<string> = new Set()): string {
  if (!URL.canParse(text)) return '•••'
  const { protocol, username, password, host, pathname, searchParams } = new URL(text)
  const parameters = Array.from(searchParams, ([name, value]) =>
    open.has(name) ? `${name}=${value}` : `${name}=•••`,
  )
  const secret = password === '' ? '' : ':•••'
  const user = username === '' && secret === '' ? '' : `${username}${secret}@`
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `${protocol}//${user}${host}${pathname}${query}`
}

/** Which database a node was given, without passwords. */
export function shownDatabase(database: NonNullable<DatabaseOptions['database']>): string {
  if (typeof database === 'string')
    return database === 'embedded' ? database : redactUrl(database, openParameters)
  const {
    connectionString,
    host,
    port,
    database: name,
    user,
  } = (database.options ?? {}) as Record<string, unknown>
  if (typeof connectionString === 'string')
    return `a pg pool of ${redactUrl(connectionString, openParameters)}`
  const place = typeof host === 'string' ? `${host}${typeof port === 'number' ? `:${port}` : ''}` : undefined
  const whose = typeof user === 'string' ? `${user}@` : ''
  const path = typeof name === 'string' ? `/${name}` : ''
  return place === undefined ? 'a pg pool' : `a pg pool of ${whose}${place}${path}`
}
