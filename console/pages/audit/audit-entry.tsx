import type { AuditRow } from '../../api/audit.ts'
import type { ItemFilter } from '../../api/items.ts'
import { hrefOf } from '../../state/router.ts'
import { Moment } from '../../ui/ago.tsx'
import { shortId } from '../../ui/format.ts'
import { JsonView } from '../../ui/json-view.tsx'
import { itemsHref } from '../items/item-filter.ts'

/** Changes of no more characters are shown at once. */
const shortLength = 240

export function AuditEntry({ row }: { row: AuditRow }) {
  const { at, operator, act, subject, reason, via } = row
  return (
    <li class="audit-entry">
      <Moment at={at} />
      <div>
        <p>
          <b title={operator.id}>{operator.name}</b> <span class="tag">{act}</span> {subject}{' '}
          <Subject row={row} />
          {via === undefined ? null : <span class="quiet"> · {via}</span>}
        </p>
        {reason === undefined ? null : <p class="audit-reason">“{reason}”</p>}
        <Change {...row} />
      </div>
    </li>
  )
}

/** Leads to what was acted on. */
function Subject({ row }: { row: AuditRow }) {
  const { id, subject, subjectId, before, after } = row
  const filter = memberOf(before, 'filter')
  if (subject === 'items' && isOpenFilter(filter))
    return (
      <a href={itemsHref(filter)} data-row={id}>
        that match
      </a>
    )
  const clone = memberOf(after, 'clone')
  const target = subjectHref(subject, subjectId)
  const text = <span class="mono">{shortId(subjectId)}</span>
  return (
    <>
      {target === undefined ? (
        <span title={subjectId}>{text}</span>
      ) : (
        <a href={target} title={subjectId} data-row={id}>
          {text}
        </a>
      )}
      {typeof clone === 'string' ? (
        <>
          {' '}
          as{' '}
          <a href={hrefOf(['items', clone])} title={clone}>
            <span class="mono">{shortId(clone)}</span>
          </a>
        </>
      ) : null}
    </>
  )
}

/** In a line where it is short, else to unfold. */
function Change({ before, after }: Pick<AuditRow, 'before' | 'after'>) {
  const sides = [
    ['Before', before],
    ['After', after],
  ] as const
  const there = sides.filter(([, value]) => value != null && JSON.stringify(value) !== '{}')
  if (there.length === 0) return null
  const isShort = there.reduce((sum, [, value]) => sum + JSON.stringify(value).length, 0) <= shortLength
  if (isShort)
    return (
      <p class="audit-change">
        {there.map(([label, value]) => (
          <span key={label}>
            {label} <span class="mono">{JSON.stringify(value)}</span>{' '}
          </span>
        ))}
      </p>
    )
  return (
    <details>
      <summary>Before and after</summary>
      <div class="before-after">
        {there.map(([label, value]) => (
          <JsonView key={label} value={value} label={label} />
        ))}
      </div>
    </details>
  )
}

function subjectHref(subject: string, id: string): string | undefined {
  if (subject === 'item') return hrefOf(['items', id])
  return subject === 'queue' ? hrefOf(['queues', id]) : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** What was typed may be hidden: nobody finds items by that. A list of ids may be too long for an address. */
function isOpenFilter(filter: unknown): filter is ItemFilter {
  const text = JSON.stringify(filter) ?? ''
  return typeof filter === 'object' && filter !== null && !text.includes('•••') && text.length < 4_000
}
