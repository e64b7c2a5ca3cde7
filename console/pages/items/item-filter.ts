import { filterNames, itemStates, type FilterName, type ItemFilter, type ItemState } from '../../api/items.ts'
import { hrefOf } from '../../state/router.ts'

/** The filter of an address; what is no filter is left out, and told by {@link unknownNames}. */
export function filterOf(search: URLSearchParams): ItemFilter {
  const entries = filterNames.flatMap((name): [FilterName, string | string[]][] => {
    const values = search.getAll(name).filter((value) => value !== '')
    const [first] = values
    if (first === undefined) return []
    return [[name, name === 'state' || name === 'ids' ? values.flatMap((value) => value.split(',')) : first]]
  })
  return Object.fromEntries(entries)
}

/** What an address asks for and no filter is called. */
export function unknownNames(search: URLSearchParams): readonly string[] {
  return [...new Set(search.keys())].filter((name) => !filterNames.some((known) => known === name))
}

/** The address of the list with a filter. */
export function itemsHref(filter: ItemFilter): string {
  return hrefOf(['items'], filter)
}

/** The state that the filter asks for, where it is one. */
export function stateOf(filter: ItemFilter): ItemState | undefined {
  const [state, ...others] = [filter.state ?? []].flat()
  return others.length === 0 ? itemStates.find((each) => each === state) : undefined
}

/** The states that the filter leaves; undefined: all. */
export function statesOf(filter: ItemFilter): readonly ItemState[] | undefined {
  if (filter.state === undefined) return filter.fingerprint === undefined ? undefined : ['broken']
  return itemStates.filter((each) => filter.state?.includes(each))
}

export function withoutFilter(filter: ItemFilter, ...names: readonly FilterName[]): ItemFilter {
  return Object.fromEntries(Object.entries(filter).filter(([name]) => !names.includes(name as FilterName)))
}

/** How filters are called on the page. */
export const filterTitles: Readonly<Record<FilterName, string>> = {
  state: 'State',
  queue: 'Queue',
  processor: 'Processor',
  application: 'Application',
  key: 'Key',
  keyPrefix: 'Key begins with',
  correlationId: 'Correlation id',
  causationId: 'Made by item',
  traceId: 'Trace',
  caller: 'Caller',
  errorCode: 'Error code',
  fingerprint: 'Same error as',
  from: 'Accepted from',
  to: 'Accepted until',
  text: 'Text',
  ids: 'Ids',
}
