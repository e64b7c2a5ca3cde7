import { auditFilterNames, listAudit, type AuditFilter } from '../../api/audit.ts'
import { useList } from '../../state/list.ts'
import { hrefOf, place } from '../../state/router.ts'
import { useStore } from '../../state/store.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { MoreButton } from '../../ui/more-button.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { AuditEntry } from './audit-entry.tsx'
import { AuditForm } from './audit-form.tsx'

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
