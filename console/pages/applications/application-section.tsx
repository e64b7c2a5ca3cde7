import type { Application, ToldNode } from '../../api/applications.ts'
import { NodeNames } from '../told-nodes.tsx'
import { applicationAnchor } from './application-link.tsx'
import { DefinitionRow } from './definition-row.tsx'

export function ApplicationSection({
  application: { name, isBuiltIn, uses, definitions, nodes: holders },
  nodes,
}: {
  application: Application
  nodes: readonly ToldNode[]
}) {
  const told = nodes.filter(({ hasTold }) => hasTold).length
  const heading = `heading-${applicationAnchor(name)}`
  return (
    <section class="section application" id={applicationAnchor(name)} aria-labelledby={heading}>
      <header class="section-head">
        <h2 id={heading}>
          {name}
          <span class="count">{definitions.length}</span>
        </h2>
        <p class="service-notes">
          {isBuiltIn ? <span class="tag">comes with every node</span> : null}
          {uses.map((used) => (
            <a key={used} class="tag" href={`#${applicationAnchor(used)}`}>
              uses {used}
            </a>
          ))}
          {holders.length === told ? null : (
            <span class="tag">
              only on <NodeNames of={holders} nodes={nodes} />
            </span>
          )}
        </p>
      </header>
      {definitions.length === 0 ? (
        <p class="section-lead">It defines nothing of its own.</p>
      ) : (
        <table class="table cards definitions">
          <caption class="visually-hidden">Definitions of {name}</caption>
          <thead>
            <tr>
              <th scope="col">Definition</th>
              <th scope="col">Kind</th>
              <th scope="col">Standing</th>
              <th scope="col">Queue</th>
              <th scope="col">How</th>
              <th scope="col">Known to</th>
            </tr>
          </thead>
          <tbody>
            {definitions.flatMap((definition) =>
              definition.variants.map((variant) => (
                <DefinitionRow
                  key={`${definition.kind} ${definition.name} ${variant.nodes[0]}`}
                  definition={definition}
                  variant={variant}
                  nodes={nodes}
                />
              )),
            )}
          </tbody>
        </table>
      )}
    </section>
  )
}
