import { listNodes } from '../api/nodes.ts'
import { useLoaded } from '../state/loaded.ts'
import { EmptyNote } from '../ui/empty-note.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { NodeTable } from './node-table.tsx'

export function NodesPage() {
  const nodes = useLoaded('nodes', (signal) => listNodes(signal), 'overview')
  return (
    <>
      <PageHead title="Nodes" />
      {nodes.problem === undefined ? null : <ProblemNote problem={nodes.problem} retry={nodes.reload} />}
      {nodes.value === undefined ? <Skeleton /> : null}
      {nodes.value?.items.length === 0 ? (
        <EmptyNote
          title="No node runs."
          code={"const node = await createNode({ …, nodeTypes: ['background'] })\nawait node.start()"}
        >
          Items are accepted, and wait until one does.
        </EmptyNote>
      ) : null}
      {nodes.value === undefined || nodes.value.items.length === 0 ? null : (
        <NodeTable nodes={nodes.value.items} />
      )}
    </>
  )
}
