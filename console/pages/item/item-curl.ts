import { operateUrl } from '../../api/base-path.ts'
import type { Item } from '../../api/items.ts'
import type { Service } from '../../api/services.ts'

/** A word for a shell, whatever is in it. */
export const shellWord = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`

const credentials = `-H "authorization: Bearer $COATCHECK_KEY"`

/** A command that sends a body to a service. @param path with the base path */
export function serviceCurl(path: string, input: unknown): string {
  const body = shellWord(JSON.stringify(input) ?? 'null')
  const url = shellWord(location.origin + path)
  return `curl -i ${credentials} -H 'content-type: application/json' -d ${body} ${url}`
}

/** For a request to a service: the same again. For another item, or one of which something is hidden: a clone of it, through the operator's API. */
export function itemCurl(item: Item, service: Service | undefined): string {
  if (service !== undefined && item.redacted.length === 0) return serviceCurl(service.path, item.input)
  const url = shellWord(location.origin + operateUrl(`/items/${item.id}/acts`))
  return `curl -i ${credentials} -H 'content-type: application/json' -d '{"act":"clone"}' ${url}`
}
