import { listAlerts } from '../api/alerts.ts'
import { useLoaded } from '../state/loaded.ts'
import { Ago } from '../ui/ago.tsx'
import { EmptyNote } from '../ui/empty-note.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { StateChip } from '../ui/state-chip.tsx'

export function AlertsPage() {
  const alerts = useLoaded('alerts', (signal) => listAlerts(signal), 'overview')
  const items = alerts.value?.items ?? []
  return (
    <>
      <PageHead title="Alerts" />
      {alerts.problem === undefined ? null : <ProblemNote problem={alerts.problem} retry={alerts.reload} />}
      {alerts.value === undefined ? <Skeleton /> : null}
      {alerts.value !== undefined && items.length === 0 ? (
        <EmptyNote title="No alerts.">
          One comes when a rule of the node is broken, and goes when it holds again.
        </EmptyNote>
      ) : null}
      {items.length === 0 ? null : (
        <table class="table cards">
          <caption class="visually-hidden">Alerts, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Severity</th>
              <th scope="col">What</th>
              <th scope="col">About</th>
              <th scope="col">Rule</th>
              <th scope="col" class="number">
                Since
              </th>
              <th scope="col" class="number">
                Over
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((alert) => (
              <tr key={alert.id} data-quiet={alert.until !== undefined}>
                <td data-label="Severity">
                  <StateChip state={alert.severity} />
                </td>
                <td data-label="What">{alert.title}</td>
                <td data-label="About" class="mono">
                  {alert.subject}
                </td>
                <td data-label="Rule">{alert.rule}</td>
                <td data-label="Since" class="number">
                  <Ago at={alert.since} />
                </td>
                <td data-label="Over" class="number">
                  {alert.until === undefined ? 'open' : <Ago at={alert.until} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}
