import { readApplications, type Applications } from '../../api/applications.ts'
import { hrefOf } from '../../state/router.ts'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { Section } from '../../ui/section.tsx'
import { NodeNames, ToldNotes, ToldPage, useTold } from '../told-nodes.tsx'
import { ApplicationLink } from './application-link.tsx'
import { ApplicationSection } from './application-section.tsx'
import { kindNames } from './definition-row.tsx'

/** What nodes run: applications as they stack, and what overrides what. */
export function ApplicationsPage() {
  const told = useTold('applications', (signal) => readApplications(signal))
  return (
    <ToldPage title="Applications" told={told}>
      {(value) => <Shown told={value} />}
    </ToldPage>
  )
}

function Shown({ told }: { told: Applications }) {
  const { nodes, stacks, applications, isSameOnAll, others } = told
  return (
    <>
      <ToldNotes
        nodes={nodes}
        isSameOnAll={isSameOnAll}
        differs="The nodes do not all run the same. Where they differ, the nodes are named. While a release is rolled out this passes by itself."
      />
      {stacks.map((stack) => (
        <Stack key={stack.applications.join(' ')} stack={stack} told={told} />
      ))}
      <p class="quiet">An earlier one overrides what a later one calls the same.</p>
      {applications.every(({ definitions }) => definitions.length === 0) ? <NoDefinitions /> : null}
      {applications.map((application) => (
        <ApplicationSection key={application.name} application={application} nodes={nodes} />
      ))}
      {others.length === 0 ? null : <Others others={others} />}
    </>
  )
}

/** An earlier one overrides what stands behind it. */
function Stack({ stack, told }: { stack: Applications['stacks'][number]; told: Applications }) {
  const builtIn = new Set(told.applications.filter(({ isBuiltIn }) => isBuiltIn).map(({ name }) => name))
  return (
    <section class="stack" aria-label="The order of applications">
      <ol>
        {stack.applications
          .filter((name) => !builtIn.has(name))
          .map((name) => (
            <li key={name}>
              <ApplicationLink name={name} />
            </li>
          ))}
      </ol>
      {told.stacks.length === 1 ? null : <NodeNames of={stack.nodes} nodes={told.nodes} />}
    </section>
  )
}

function Others({ others }: { others: Applications['others'] }) {
  return (
    <Section title="Not known to these nodes" count={others.length}>
      <p class="section-lead">
        They are in the database, but no node above has told of them: they are of a client, of a node that
        only takes requests, or of a release that is gone. Their items wait until a node runs them.
      </p>
      <table class="table cards">
        <caption class="visually-hidden">Definitions that these nodes do not know</caption>
        <thead>
          <tr>
            <th scope="col">Definition</th>
            <th scope="col">Kind</th>
            <th scope="col">Application</th>
            <th scope="col">Queue</th>
          </tr>
        </thead>
        <tbody>
          {others.map(({ kind, name, application, queue }) => (
            <tr key={`${kind} ${name}`}>
              <td data-label="Definition" class="name-cell">
                <b>{name}</b>
              </td>
              <td data-label="Kind">{kindNames[kind]}</td>
              <td data-label="Application">{application}</td>
              <td data-label="Queue">
                {queue === undefined ? (
                  <span class="none">–</span>
                ) : (
                  <a href={hrefOf(['queues', queue])}>{queue}</a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}

function NoDefinitions() {
  const code = [
    "import { defineApplication } from 'coatcheck'",
    '',
    "export const hr = defineApplication({ name: 'hr', definitions: [provision, hireWorker] })",
  ].join('\n')
  return (
    <EmptyNote title="No definitions." code={code}>
      An application is a named set of definitions: queue processors, services and request processors.
    </EmptyNote>
  )
}
