import { readAuditChoices, type AuditFilter } from '../../api/audit.ts'
import { useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { goTo, hrefOf } from '../../state/router.ts'
import { Choice } from '../../ui/choice.tsx'
import { Field } from '../../ui/field.tsx'

/** What narrows the audit down, to choose among what stands in it. */
export function AuditForm({ filter }: { filter: AuditFilter }) {
  const [values, setValues] = useState<AuditFilter>(filter)
  const { acts, subjects, operators } = useLoaded('audit choices', readAuditChoices).value ?? {}
  const change = (name: keyof AuditFilter) => (value: string) =>
    setValues({ ...values, [name]: value.trim() })
  return (
    <form
      class="filter-form compact"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault()
        goTo(hrefOf(['audit'], values))
      }}
    >
      <Field
        label="Who"
        value={values.operator ?? ''}
        placeholder="user:ada"
        suggestions={operators?.map(({ id, name }) => [id, name] as const)}
        onValue={change('operator')}
      />
      <Choice
        label="Act"
        value={values.act ?? ''}
        options={among(acts, filter.act)}
        onValue={change('act')}
      />
      <Choice
        label="Kind of subject"
        value={values.subject ?? ''}
        options={among(subjects, filter.subject)}
        onValue={change('subject')}
      />
      <Field label="Subject" value={values.subjectId ?? ''} onValue={change('subjectId')} />
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

/** What the address asks for is among them, also where no line says it. */
function among(there: readonly string[] = [], asked: string | undefined) {
  const all = asked === undefined || there.includes(asked) ? there : [asked, ...there]
  return [['', 'any'] as const, ...all]
}
