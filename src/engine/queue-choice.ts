import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { QueueRow } from '../store/topology.ts'
import type { Prepared } from './prepare.ts'
import type { Topology } from './topology.ts'

/**
 * The queue that an item goes to: the first one of its request processor that takes it, else the definition's.
 * @throws CoatcheckError `REQUEST_PROCESSOR_FAILED`, `UNKNOWN_QUEUE`
 */
export function chooseQueue(topology: Topology, { definition, request }: Prepared): QueueRow {
  if (!definition.choices || !request) return topology.queueOf(definition)
  for (const { queue, when } of definition.choices) {
    const who = `when of the queue "${queue}" (request processor "${definition.requestProcessor}")`
    let answer: unknown
    try {
      answer = when(request)
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error)
      throw new CoatcheckError(
        'REQUEST_PROCESSOR_FAILED',
        `${who} threw for ${definition.name}: ${told}; nothing was accepted`,
        { cause: error },
      )
    }
    // A promise, or whatever else is true enough, would send all requests one way.
    if (typeof answer !== 'boolean')
      throw new CoatcheckError(
        'REQUEST_PROCESSOR_FAILED',
        `${who} answered ${showValue(answer)} for ${definition.name}; it has to answer true or false at once; nothing was accepted`,
      )
    if (answer) return topology.queueNamed(queue, definition)
  }
  return topology.queueOf(definition)
}
