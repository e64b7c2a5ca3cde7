/** Which items are meant: all that fit every member that is given. */
export interface ItemFilter {
  readonly definitions?: readonly string[]
  readonly queue?: number
  readonly states?: readonly string[]
  readonly key?: string
  readonly keyPrefix?: string
  readonly correlationId?: string
  readonly causationId?: string
  /** That of the trace: 32 lower-case hexadecimal digits. It has no index. */
  readonly traceId?: string
  readonly caller?: string
  readonly accessGroup?: string
  readonly errorCode?: string
  /** As the SQL function `fingerprint` says it; of broken items alone. */
  readonly fingerprint?: string
  /** Broken ones alone that block their keys. */
  readonly blocks?: true
  /** Milliseconds. */
  readonly enqueuedAfter?: number
  readonly enqueuedBefore?: number
  /** Stands in the payload, the result, the failure or the log; in whatever case. */
  readonly text?: string
  /** Of other definitions than these all fits the text: whoever asks looks at what they show, whatever they hold. */
  readonly open?: readonly string[]
  readonly ids?: readonly string[]
  /** No id beyond this one. */
  readonly upTo?: string
}

/** Takes a value of a statement. @returns what stands for it */
export type Give = (value: unknown, type: string) => string

export function giveInto(values: unknown[]): Give {
  return (value, type) => `$${values.push(value)}::${type}`
}

/** Members of the context that items are found by. */
export type ContextMember = 'correlationId' | 'causationId' | 'caller' | 'accessGroup'

export const contextMembers: readonly ContextMember[] = [
  'correlationId',
  'causationId',
  'caller',
  'accessGroup',
]

/** A table that items lie in, under its alias. */
export type Place = 't' | 'w' | 'b'

export const tables: Readonly<Record<Place, string>> = {
  t: 'tracked_item',
  w: 'waiting_item',
  b: 'broken_item',
}

/** Where a context stands, and what of it may hold the member. The indexes say the same, word for word. */
export function contextOf(
  schema: string,
  place: Place,
  member: ContextMember | 'traceparent',
): { value: string; mayHold: string } {
  const text = place === 't' ? 't.context' : `${place}.entry`
  const context = place === 't' ? 't.context::json' : `${schema}.lane_context(${place}.entry)`
  return { value: `${context} ->> '${member}'`, mayHold: `${text} like '%"${member}"%'` }
}

/**
 * In which state a row says its item is. A lane knows more than what is tracked, but that what runs from the lane is told by the
 * tracked row. Scalar subselects, which are answered row by row: what is joined, the planner may read whole.
 */
function stateOf(schema: string, place: Place): string {
  if (place === 'b') return `'broken'`
  if (place === 'w')
    return `case when (select r.state from ${schema}.tracked_item r where r.id = w.id) = 'running' then 'running' else w.state end`
  return `case when t.state in ('succeeded', 'cancelled') then t.state
      when (select true from ${schema}.broken_item o where o.id = t.id) then 'broken'
      when t.state = 'running' then 'running'
      else coalesce((select o.state from ${schema}.waiting_item o where o.id = t.id), t.state) end`
}

/**
 * What a row must fulfil, beside its text and its id.
 * @param isInGroup it is of the queue and the definitions already
 */
export function conditionsOf(
  schema: string,
  place: Place,
  filter: ItemFilter,
  isInGroup: boolean,
  give: Give,
): string[] {
  const { definitions, queue, states, key, keyPrefix, errorCode, fingerprint } = filter
  const conditions: string[] = []
  if (queue !== undefined && !isInGroup) conditions.push(`${place}.queue = ${give(queue, 'int')}`)
  if (definitions && !isInGroup) conditions.push(`${place}.definition = any (${give(definitions, 'text[]')})`)
  if (key !== undefined) conditions.push(`${place}.key = ${give(key, 'text')}`)
  if (keyPrefix !== undefined) conditions.push(`starts_with(${place}.key, ${give(keyPrefix, 'text')})`)
  if (filter.enqueuedAfter !== undefined)
    conditions.push(`${place}.enqueued_at >= to_timestamp(${give(filter.enqueuedAfter, 'float8')} / 1000)`)
  if (filter.enqueuedBefore !== undefined)
    conditions.push(`${place}.enqueued_at < to_timestamp(${give(filter.enqueuedBefore, 'float8')} / 1000)`)
  for (const member of contextMembers) {
    if (filter[member] === undefined) continue
    const { value, mayHold } = contextOf(schema, place, member)
    conditions.push(mayHold, `${value} = ${give(filter[member], 'text')}`)
  }
  if (filter.traceId !== undefined) {
    const { value, mayHold } = contextOf(schema, place, 'traceparent')
    // The version, the trace and the span, by W3C Trace Context.
    conditions.push(mayHold, `substr(${value}, 4, 32) = ${give(filter.traceId, 'text')}`)
  }
  // What succeeded may have failed before, and is no failure.
  if (errorCode !== undefined)
    conditions.push(
      ...(place === 't' ? [`t.state <> 'succeeded'`] : []),
      `${place}.failure::json ->> 'code' = ${give(errorCode, 'text')}`,
    )
  if (fingerprint !== undefined)
    conditions.push(
      place === 'b'
        ? `${schema}.fingerprint(b.definition, b.failure) = ${give(fingerprint, 'text')}`
        : 'false',
    )
  if (filter.blocks) conditions.push(place === 'b' ? 'b.blocks' : 'false')
  // Last: it asks the other tables.
  if (states && place !== 'b') conditions.push(`${stateOf(schema, place)} = any (${give(states, 'text[]')})`)
  return conditions
}
