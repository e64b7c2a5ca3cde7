import { auditFilterNames, listAudit, type AuditFilter, type AuditRow } from '../api/audit.ts'
import { useState } from '../preact.ts'
import { useList } from '../state/list.ts'
import { goTo, hrefOf, place } from '../state/router.ts'
import { useStore } from '../state/store.ts'
import { Moment } from '../ui/ago.tsx'
import { EmptyNote } from '../ui/empty-note.tsx'
import { Field } from '../ui/field.tsx'
import { shortId } from '../ui/format.ts'
import { JsonView } from '../ui/json-view.tsx'
import { MoreButton } from '../ui/more-button.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'

const formNames = ['operator', 'act', 'subject', 'subjectId'] as const
const formTitles = { operator: 'Who', act: 'Act', subject: 'Kind of subject', subjectId: 'Subject' } as const

/** Who did what to what, before and after, and why. */
export function AuditPage() {
  const { search } = useStore(place)
  const filter: AuditFilter = Object.fromEntries(
    auditFilterNames.flatMap((name) => {
      const value = search.get(name)
      return value === null || value === '' ? [] : [[name, value]]
    }),
  )
  const question = hrefOf(['audit'], filter)
  const list = useList(question, (cursor, signal) => listAudit(filter, cursor, signal))
  return (
    <>
      <PageHead title="Audit" />
      <AuditForm key={question} filter={filter} />
      {list.problem === undefined ? null : <ProblemNote problem={list.problem} retry={list.reload} />}
      {list.last === undefined && list.problem === undefined ? <Skeleton /> : null}
      {list.last !== undefined && list.items.length === 0 ? (
        <EmptyNote title="Nothing matches.">
          Every act of an operator stands here, and nobody can change it.
        </EmptyNote>
      ) : null}
      {list.items.length === 0 ? null : (
        <ol class="audit" aria-label="Acts, newest first">
          {list.items.map((row) => (
            <AuditEntry key={row.id} row={row} />
          ))}
        </ol>
      )}
      <MoreButton list={list} />
    </>
  )
}

function AuditForm({ filter }: { filter: AuditFilter }) {
  const [values, setValues] = useState<AuditFilter>(filter)
  return (
    <form
      class="filter-form compact"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault()
        goTo(hrefOf(['audit'], values))
      }}
    >
      {formNames.map((name) => (
        <Field
          key={name}
          label={formTitles[name]}
          value={values[name] ?? ''}
          onValue={(value) => setValues({ ...values, [name]: value.trim() })}
        />
      ))}
      <div class="filter-acts">
        {Object.keys(filter).length === 0 ? null : (
          <a class="quiet-link" href={hrefOf(['audit'])}>
            Clear
          </a>
        )}
        <button type="submit" class="button">
          Apply
        </button>
      </div>
    </form>
  )
}

function AuditEntry({ row }: { row: AuditRow }) {
  const { at, operator, act, subject, subjectId, reason, before, after, via } = row
  const target = subjectHref(subject, subjectId)
  const id = <span class="mono">{shortId(subjectId)}</span>
  return (
    <li class="audit-entry">
      <Moment at={at} />
      <div>
        <p>
          <b title={operator.id}>{operator.name}</b> <span class="tag">{act}</span> {subject}{' '}
          {target === undefined ? (
            <span title={subjectId}>{id}</span>
          ) : (
            <a href={target} title={subjectId} data-row={row.id}>
              {id}
            </a>
          )}
          {via === undefined ? null : <span class="quiet"> · {via}</span>}
        </p>
        {reason === undefined ? null : <p class="audit-reason">“{reason}”</p>}
        {before == null && after == null ? null : (
          <details>
            <summary>Before and after</summary>
            <div class="before-after">
              {before == null ? null : <JsonView value={before} label="Before" />}
              {after == null ? null : <JsonView value={after} label="After" />}
            </div>
          </details>
        )}
      </div>
    </li>
  )
}

function subjectHref(subject: string, id: string): string | undefined {
  if (subject === 'item') return hrefOf(['items', id])
  return subject === 'queue' ? hrefOf(['queues', id]) : undefined
}
