import type { Definition, DefinitionKind, DefinitionVariant, ToldNode } from '../../api/applications.ts'
import { hrefOf } from '../../state/router.ts'
import { plural, showDuration, showNumber } from '../../ui/format.ts'
import { itemsHref } from '../items/item-filter.ts'
import { NodeNames } from '../told-nodes.tsx'
import { ApplicationLink } from './application-link.tsx'

export const kindNames: Readonly<Record<DefinitionKind, string>> = {
  'queue-processor': 'queue processor',
  service: 'service',
  'request-processor': 'request processor',
}

interface RowProps {
  readonly definition: Definition
  readonly variant: DefinitionVariant
  readonly nodes: readonly ToldNode[]
}

/** A definition as one application has it; where nodes differ in it, each way has a row. */
export function DefinitionRow({ definition: { kind, name }, variant, nodes }: RowProps) {
  const { accept, standing, nodes: holders, runsOn } = variant
  return (
    <tr data-quiet={standing === 'overridden' ? 'true' : undefined}>
      <td data-label="Definition" class="definition-cell">
        <b>
          {standing === 'overridden' || kind === 'request-processor' ? (
            name
          ) : (
            <a href={kind === 'service' ? hrefOf(['services']) : itemsHref({ processor: name })}>{name}</a>
          )}
        </b>
        {accept?.path === undefined ? null : <small class="mono">POST {accept.path}</small>}
      </td>
      <td data-label="Kind">{kindNames[kind]}</td>
      <td data-label="Standing" class="standing-cell">
        <span>
          <Standing variant={variant} />
        </span>
      </td>
      <td data-label="Queue" class="queue-cell">
        <Queues queues={accept?.queues ?? []} />
      </td>
      <td data-label="How" class="how-cell">
        {accept === undefined ? <span class="none">–</span> : howOf(variant)}
      </td>
      <td data-label="Known to">
        <span>
          <NodeNames of={holders} nodes={nodes} />
          {kind !== 'request-processor' && standing === 'effective' && runsOn.length < holders.length ? (
            <small class="runs">
              {runsOn.length === 0 ? (
                'runs on none of them'
              ) : (
                <>
                  runs on <NodeNames of={runsOn} nodes={nodes} />
                </>
              )}
            </small>
          ) : null}
        </span>
      </td>
    </tr>
  )
}

function Standing({ variant: { standing, by, overrides = [], under = [] } }: { variant: DefinitionVariant }) {
  if (standing === 'overridden')
    return <>overridden by {by === undefined ? 'another' : <ApplicationLink name={by} />}</>
  if (standing === 'lies-over')
    return <>its options lie over those of {by === undefined ? 'another' : <ApplicationLink name={by} />}</>
  return (
    <>
      <b class="effective">effective</b>
      {overrides.length === 0 ? null : (
        <>
          , overrides <Names names={overrides} />
        </>
      )}
      {under.length === 0 ? null : (
        <>
          , under options of <Names names={under} />
        </>
      )}
    </>
  )
}

function Names({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name, at) => (
        <span key={name}>
          {at === 0 ? null : ', '}
          <ApplicationLink name={name} />
        </span>
      ))}
    </>
  )
}

function Queues({ queues }: { queues: readonly string[] }) {
  if (queues.length === 0) return <span class="none">–</span>
  return (
    <span>
      {queues.map((queue, at) => (
        <span key={queue}>
          {at === 0 ? null : ', '}
          <a href={hrefOf(['queues', queue])}>{queue}</a>
        </span>
      ))}
    </span>
  )
}

/** Broken items are kept until a person removes them, unless somebody decided otherwise: a century stands for that. */
const untilRemovedMs = 36_500 * 86_400_000

/** What its author decided, in words. */
function howOf({ accept, run }: DefinitionVariant): string {
  if (!accept) return ''
  const { keptMs, requestProcessor, secret, roles, onBroken, isKeyed, order } = accept
  const keptBroken = keptMs.broken >= untilRemovedMs ? '' : `, broken ones ${showDuration(keptMs.broken)}`
  const kept = accept.keptUntilRetrieved ? 'until retrieved' : showDuration(keptMs.succeeded)
  return [
    accept.execution === undefined
      ? undefined
      : accept.execution === 'queue'
        ? 'queues its requests'
        : 'answers at once',
    run && `${showNumber(run.concurrency)} at a time`,
    plural(accept.maxAttempts, 'attempt'),
    run && `${showDuration(run.timeoutMs)} each`,
    isKeyed
      ? `${order === 'strict' ? 'in order' : 'by key'}${onBroken === 'block' ? ', a broken one blocks its key' : ''}`
      : undefined,
    accept.tracking === 'failures' ? 'only failures tracked' : undefined,
    `kept ${kept}${keptBroken}`,
    requestProcessor === undefined || requestProcessor === 'standard' ? undefined : `by ${requestProcessor}`,
    roles === undefined ? undefined : `for ${roles.join(', ')}`,
    secret.length === 0 ? undefined : `secret: ${secret.join(' ')}`,
  ]
    .flatMap((part) => part ?? [])
    .map((part) => (part.length < 30 ? part.replaceAll(' ', '\u00a0') : part))
    .join(' · ')
}
