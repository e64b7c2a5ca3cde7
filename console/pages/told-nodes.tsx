import type { ToldNode } from '../api/applications.ts'
import { listNodes } from '../api/nodes.ts'
import { useRef, type ComponentChildren } from '../preact.ts'
import { useLoaded, type Loaded } from '../state/loaded.ts'
import { plural } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'

/**
 * Asks what nodes were made with, and again when one of them comes or goes: nothing else changes it. What was answered before is
 * shown meanwhile.
 */
export function useTold<T>(name: string, ask: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const nodes = useLoaded('nodes', (signal) => listNodes(signal), 'overview')
  const there = nodes.value?.items.filter((node) => node.isAlive && node.memoryMb !== undefined) ?? []
  const isKnown = nodes.value !== undefined || nodes.problem !== undefined
  const question = isKnown ? `${name} ${there.map(({ bootId }) => bootId).join(' ')}` : undefined
  const told = useLoaded(question, ask)
  const last = useRef<T | undefined>(undefined)
  if (told.value !== undefined) last.current = told.value
  return { ...told, value: told.value ?? last.current }
}

/** A page of what nodes say of themselves, also before they have, and where they cannot be asked. */
export function ToldPage<T>({
  title,
  told: { value, problem, reload },
  children,
}: {
  title: string
  told: Loaded<T>
  children: (told: T) => ComponentChildren
}) {
  return (
    <>
      <PageHead title={title} />
      {problem === undefined ? null : <ProblemNote problem={problem} retry={reload} />}
      {value === undefined && problem === undefined ? <Skeleton rows={8} /> : null}
      {value === undefined ? null : children(value)}
    </>
  )
}

/** What a node is called: by its name, and by the end of its id where others have that name, too. */
export function nameOfNode(bootId: string, nodes: readonly ToldNode[]): string {
  const node = nodes.find((one) => one.bootId === bootId)
  if (!node) return bootId.slice(-6)
  const isAlone = nodes.filter(({ name }) => name === node.name).length === 1
  return isAlone ? node.name : `${node.name} …${bootId.slice(-6)}`
}

/** Which of the nodes: all of them in a word, and else their names. */
export function NodeNames({
  of,
  nodes,
  isOwn = false,
}: {
  of: readonly string[]
  nodes: readonly ToldNode[]
  /** Whether it is no difference that others are not among them. */
  isOwn?: boolean
}) {
  const told = nodes.filter(({ hasTold }) => hasTold)
  if (of.length === told.length)
    return <span class="quiet everywhere">{told.length === 1 ? 'this node' : 'all nodes'}</span>
  const names = of.map((bootId) => nameOfNode(bootId, nodes))
  const shown = names.slice(0, 4).join(', ')
  const more = names.length > 4 ? ` and ${plural(names.length - 4, 'other')}` : ''
  return (
    <span class={isOwn ? 'quiet' : 'differs'} title={names.join(', ')}>
      {`${shown}${more}`}
    </span>
  )
}

/** Says that nodes differ, and which of them have said nothing. */
export function ToldNotes({
  nodes,
  isSameOnAll,
  differs,
}: {
  nodes: readonly ToldNode[]
  isSameOnAll: boolean
  /** What is said where they do. */
  differs: string
}) {
  const silent = nodes.filter(({ hasTold }) => !hasTold)
  return (
    <>
      {isSameOnAll ? null : (
        <div class="why" role="status">
          <Icon name="warning" />
          <p>{differs}</p>
        </div>
      )}
      {silent.length === 0 ? null : (
        <div class="why" role="status">
          <Icon name="warning" />
          <p>
            {silent.map(({ bootId, version }) => `${nameOfNode(bootId, nodes)} (${version})`).join(', ')}{' '}
            {silent.length === 1 ? 'has' : 'have'} not said yet what{' '}
            {silent.length === 1 ? 'it was' : 'they were'} made with. One that has just started does so within
            seconds, one of an older release never.
          </p>
        </div>
      )}
    </>
  )
}
