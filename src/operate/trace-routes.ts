import { createUuid } from '../base/ids.ts'
import { closeTrace, openTrace, skipTraceLines, takeTraceLines, type TraceLine } from '../store/traces.ts'
import type { EventStreams } from './event-stream.ts'
import { checkSeesAll, type Operator } from './operator.ts'
import type { QueueParts } from './queue-parts.ts'
import { queueNamed } from './queue-routes.ts'
import { hidden, mayHide } from './redaction.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'

const everyMs = 500
const linesAtOnce = 500
/** So often a look takes lines while there are more: those of some twenty busy nodes. */
const takesALook = 4
/** What is behind that is old by the time it is told: it is thrown away. */
const skippedALook = 20_000
/** A stream that ends without a word is traced for so long. */
const openForMs = 30_000
const renewEveryMs = 10_000

/** A live tail of a queue, or of one key of it. */
export function traceRoutes(
  { database, definitions, figures }: QueueParts,
  streams: EventStreams,
): OperatorRoute[] {
  const { driver, schema } = database

  /** Of items that may hold what is secret: neither key nor message, and nothing where the key was asked for. */
  function shownLine(line: TraceLine, operator: Operator, asked: string | undefined): TraceLine | undefined {
    const { definition, key, event, message } = line
    if (definition === undefined || !mayHide(operator, definitions, definition)) return line
    if (asked !== undefined) return undefined
    const isTold = message !== undefined && event !== 'succeeded'
    return { ...line, key: key === undefined ? key : hidden, message: isTold ? hidden : message }
  }

  return [
    defineRoute({
      method: 'GET',
      path: '/queues/:name/trace',
      role: 'observer',
      summary:
        'Server-Sent Events: what happens to the items of a queue on all nodes, from about a second after the request on. Of each node 200 a second at most, of all together some 4,000; `dropped` says how many more there were.',
      query: z.object({
        key: z
          .string()
          .min(1)
          .max(1024)
          .refine((text) => text.isWellFormed() && !text.includes('\0'), 'is no key')
          .optional()
          .describe('Only this key'),
      }),
      handle: async (call) => {
        checkSeesAll(call.operator)
        const { queue } = queueNamed(await figures.read(), call.params['name'])
        const trace = { id: createUuid(), queue, key: call.query.key }
        let openedAt = -Infinity
        return streams.open(
          call,
          everyMs,
          async () => {
            if (performance.now() - openedAt > renewEveryMs) {
              openedAt = performance.now()
              await openTrace(driver, schema, trace, openForMs)
            }
            const shown = (lines: readonly TraceLine[]) =>
              lines.flatMap((line) => shownLine(line, call.operator, trace.key) ?? []).map(toEvent)
            const lines: TraceLine[] = []
            for (let take = 1; take <= takesALook; take += 1) {
              const taken = await takeTraceLines(driver, schema, trace.id, linesAtOnce)
              lines.push(...taken)
              if (taken.length < linesAtOnce) return shown(lines)
            }
            const count = await skipTraceLines(driver, schema, trace.id, skippedALook)
            return [...shown(lines), ...(count > 0 ? [dropped(count)] : [])]
          },
          () => {
            // Where it fails it ends by itself.
            if (openedAt > 0) closeTrace(driver, schema, trace.id).catch(() => {})
          },
        )
      },
    }),
  ]
}

function dropped(count: number) {
  return { event: 'dropped', data: { count } }
}

function toEvent({ at, item, key, event, attempt, message }: TraceLine) {
  if (item === undefined) return dropped(attempt ?? 0)
  return {
    event: 'item',
    data: {
      at: new Date(at),
      id: item,
      ...(key !== undefined && { key }),
      event,
      ...(attempt !== undefined && { attempt }),
      ...(message !== undefined && { message }),
    },
  }
}
