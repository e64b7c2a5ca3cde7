import { actKinds } from '../base/act-kind.ts'
import { itemStates } from '../define/item.ts'
import { z } from './schema.ts'

const failure = z.object({
  code: z.string(),
  message: z.string(),
  status: z.number().optional(),
  problem: z.unknown().optional(),
})

const rowMembers = {
  id: z.string(),
  state: z.enum(itemStates),
  processor: z.string(),
  kind: z.enum(['queue-processor', 'service']),
  application: z.string().describe('That declared the definition; empty where this node does not know it'),
  queue: z.string(),
  key: z.string().nullable(),
  attempts: z.number(),
  enqueuedAt: z.date(),
  startedAt: z.date().optional(),
  endedAt: z.date().optional(),
  dueAt: z.date().optional(),
  correlationId: z.string().optional(),
  caller: z.string().optional(),
} as const

export const itemRow = z.object({
  ...rowMembers,
  error: z.object({ code: z.string(), message: z.string() }).optional(),
})

const itemRef = z.object({
  id: z.string(),
  processor: z.string().optional(),
  state: z.enum(itemStates).optional(),
  key: z.string().nullable().optional(),
})

export const act = z.object({
  id: z.string(),
  kind: z.enum(actKinds),
  item: z.string(),
  verdict: z.enum(['applied', 'refused', 'pending']),
  state: z.enum([...itemStates, 'missing']).optional(),
  operator: z.string().optional(),
  reason: z.string().optional(),
  askedAt: z.date(),
  decidedAt: z.date().optional(),
})

const timelineEntry = z.object({
  at: z.date(),
  kind: z.string(),
  attempt: z.number(),
  message: z.string(),
  durationMs: z.number().optional(),
  data: z.unknown().optional(),
  error: failure.optional(),
})

export const itemPage = z.object({
  ...rowMembers,
  input: z.unknown(),
  inputDigest: z
    .string()
    .describe('Of the input as it is shown here: an act that changes it may be given it'),
  result: z.unknown().optional(),
  error: failure.optional(),
  reason: z.string().optional(),
  progress: z.unknown().optional(),
  context: z.object({
    caller: z.string().optional(),
    operator: z.string().optional(),
    accessGroup: z.string().optional(),
    application: z.string().optional(),
    correlationId: z.string().optional(),
    requestId: z.string().optional(),
    causationId: z.string().optional(),
    traceparent: z.string().optional(),
  }),
  heldBy: itemRef.optional().describe('The item of its key that it waits for'),
  blocks: z.boolean().describe('Whether it is broken and holds what comes later of its key'),
  timeline: z.array(timelineEntry).describe('The oldest first'),
  parent: itemRef.optional(),
  children: z.array(itemRef).describe('At most 50; the list with causationId has all'),
  clones: z.array(itemRef),
  acts: z.array(act).describe('Asked for in the last 7 days, the newest first'),
  can: z.array(z.enum(actKinds)).describe('What makes sense as it stands'),
  redacted: z.array(z.string()).describe('Places of the payload that are hidden, as JSON Pointers'),
})

export const counted = z.object({ count: z.number(), isAtLeast: z.boolean() })
