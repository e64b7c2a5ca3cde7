import { filterNames, type FilterName, type ItemFilter } from '../../api/items.ts'
import { listQueues } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { goTo } from '../../state/router.ts'
import { Field } from '../../ui/field.tsx'
import { filterTitles, itemsHref } from './item-filter.ts'

const shownNames = filterNames.filter((name) => name !== 'state' && name !== 'ids')
const times: readonly FilterName[] = ['from', 'to']

export function FilterForm({ filter, onClose }: { filter: ItemFilter; onClose: () => void }) {
  const [values, setValues] = useState<Partial<Record<FilterName, string>>>(() => textsOf(filter))
  const queues = useLoaded('queues', (signal) => listQueues(signal))
  const processors = queues.value?.items.flatMap((queue) => queue.processors) ?? []
  const suggestions: Partial<Record<FilterName, readonly string[]>> = {
    queue: queues.value?.items.map(({ name }) => name) ?? [],
    processor: [...new Set(processors.map(({ name }) => name))],
    application: [...new Set(processors.map(({ application }) => application))],
  }
  const apply = () => {
    // what the form does not ask for stays as it is: without its ids a list of three would become all that match
    const { state, ids } = filter
    goTo(itemsHref({ ...(state && { state }), ...(ids && { ids }), ...filterFrom(values) }))
    onClose()
  }
  return (
    <form
      class="filter-form"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault()
        apply()
      }}
    >
      {shownNames.map((name) => (
        <Field
          key={name}
          label={filterTitles[name]}
          type={times.includes(name) ? 'datetime-local' : 'text'}
          value={values[name] ?? ''}
          suggestions={suggestions[name]}
          hint={
            name === 'text'
              ? 'In payload, result, error and log; the last day, unless times are given'
              : undefined
          }
          onValue={(value) => setValues({ ...values, [name]: value })}
        />
      ))}
      <div class="filter-acts">
        <button type="button" class="button" onClick={onClose}>
          Back
        </button>
        <button type="submit" class="button primary">
          Apply
        </button>
      </div>
    </form>
  )
}

/** Times as the person's clock shows them. */
function textsOf(filter: ItemFilter): Partial<Record<FilterName, string>> {
  return Object.fromEntries(
    shownNames.flatMap((name) => {
      const value = filter[name]
      if (typeof value !== 'string') return []
      return [[name, times.includes(name) ? localTime(value) : value]]
    }),
  )
}

function localTime(at: string): string {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return ''
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function filterFrom(values: Partial<Record<FilterName, string>>): ItemFilter {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const text = value.trim()
      if (text === '') return []
      return [[name, times.includes(name as FilterName) ? new Date(text).toISOString() : text]]
    }),
  )
}
