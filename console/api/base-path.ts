/** Where the node answers: `''`, or what `http.basePath` says. */
export const basePath =
  document.querySelector<HTMLMetaElement>('meta[name="base-path"]')?.content.replace(/\/$/, '') ?? ''

/** The address of an operation of the operator's API. */
export function operateUrl(path: string, query?: Query): string {
  return `${basePath}/operate${path}${queryText(query)}`
}

/** What stands behind the `?`; what is undefined or empty is left out. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export function queryText(query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue
    if (typeof value === 'object') for (const each of value) search.append(name, each)
    else search.append(name, String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}
