import type { NodeRow } from '../api/nodes.ts'
import { Ago } from '../ui/ago.tsx'
import { showNumber } from '../ui/format.ts'
import { StateChip } from '../ui/state-chip.tsx'

export function NodeTable({ nodes }: { nodes: readonly NodeRow[] }) {
  return (
    <table class="table cards">
      <caption class="visually-hidden">Nodes</caption>
      <thead>
        <tr>
          <th scope="col">Node</th>
          <th scope="col">State</th>
          <th scope="col">Types</th>
          <th scope="col">Version</th>
          <th scope="col" class="number">
            Partitions
          </th>
          <th scope="col" class="number">
            Running
          </th>
          <th scope="col" class="number">
            Memory
          </th>
          <th scope="col" class="number">
            CPU
          </th>
          <th scope="col" class="number">
            Started
          </th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.bootId}>
            <td data-label="Node" class="name-cell">
              <b>{node.name}</b>
              <small class="mono" title={node.queues.join(', ')}>
                {node.bootId}
              </small>
            </td>
            <td data-label="State">
              <StateChip state={node.isAlive ? 'alive' : 'lost'} />
            </td>
            <td data-label="Types">{node.types.join(', ')}</td>
            <td data-label="Version">{node.version}</td>
            <td data-label="Partitions" class="number">
              {showNumber(node.partitions)}
            </td>
            <td data-label="Running" class="number">
              {showNumber(node.running)}
            </td>
            <td data-label="Memory" class="number">
              {node.memoryMb === undefined ? (
                <span class="none">–</span>
              ) : (
                `${showNumber(Math.round(node.memoryMb))} MB`
              )}
            </td>
            <td data-label="CPU" class="number">
              {node.cpu === undefined ? <span class="none">–</span> : `${Math.round(node.cpu * 100)} %`}
            </td>
            <td data-label="Started" class="number">
              <Ago at={node.startedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
