import { listServices, type Service } from '../../api/services.ts'
import { useState } from '../../preact.ts'
import { useLoaded } from '../../state/loaded.ts'
import { hrefOf } from '../../state/router.ts'
import { may } from '../../state/session.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { showNumber } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { itemsHref } from '../items/item-filter.ts'
import { TryForm } from './try-form.tsx'

export function ServicesPage() {
  const services = useLoaded('services', (signal) => listServices(signal), 'queues')
  const applications = [...new Set((services.value ?? []).map(({ application }) => application))].sort()
  return (
    <>
      <PageHead title="Services" />
      {services.problem === undefined ? null : (
        <ProblemNote problem={services.problem} retry={services.reload} />
      )}
      {services.value === undefined ? <Skeleton /> : null}
      {services.value?.length === 0 ? <NoServices /> : null}
      {applications.map((application) => (
        <section key={application} class="section" aria-label={application}>
          <header class="section-head">
            <h2>{application}</h2>
          </header>
          <ul class="services">
            {services.value
              ?.filter((service) => service.application === application)
              .map((service) => (
                <ServiceEntry key={service.name} service={service} />
              ))}
          </ul>
        </section>
      ))}
    </>
  )
}

function ServiceEntry({ service }: { service: Service }) {
  const [isOpen, setOpen] = useState(false)
  const { name, path, execution, queue, roles, requestsLastHour, results } = service
  return (
    <li class="service">
      <div class="service-head">
        <div>
          <h3>{name}</h3>
          <p class="mono quiet">POST {path}</p>
        </div>
        <p class="service-notes">
          <span class="tag">{execution === 'queue' ? 'queues its requests' : 'answers at once'}</span>
          <a class="tag" href={hrefOf(['queues', queue])}>
            queue {queue}
          </a>
          {roles === undefined || roles.length === 0 ? null : <span class="tag">for {roles.join(', ')}</span>}
        </p>
        <p class="service-figures">
          <b>{showNumber(requestsLastHour)}</b> in the last hour ·{' '}
          <a href={itemsHref({ processor: name, state: 'succeeded' })}>
            {showNumber(results.succeeded)} succeeded
          </a>{' '}
          ·{' '}
          <a
            href={itemsHref({ processor: name, state: 'broken' })}
            data-tone={results.broken > 0 ? 'bad' : undefined}
          >
            {showNumber(results.broken)} broken
          </a>
        </p>
        {may('operator') ? (
          <button
            type="button"
            class="button"
            aria-expanded={isOpen}
            data-row={name}
            onClick={() => setOpen(!isOpen)}
          >
            <Icon name={isOpen ? 'close' : 'play'} />
            {isOpen ? 'Close' : 'Try it'}
            <span class="visually-hidden"> {name}</span>
          </button>
        ) : null}
      </div>
      {isOpen ? <TryForm service={service} /> : null}
    </li>
  )
}

function NoServices() {
  const code = [
    "import { defineService } from 'coatcheck'",
    '',
    'export const hireWorker = defineService({',
    "  name: 'hire-worker',",
    '  input: z.object({ employeeId: z.string() }),',
    '  async run(input, ctx) { return { ok: true } },',
    '})',
  ].join('\n')
  return (
    <EmptyNote title="No services." code={code}>
      A service is a door in: others call it over HTTP.
    </EmptyNote>
  )
}
