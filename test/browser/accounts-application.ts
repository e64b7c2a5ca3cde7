import { z } from 'zod'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/index.ts'

const worker = z.object({
  employeeId: z.string(),
  costCentre: z.string().optional(),
  note: z.string().optional(),
})

/** Breaks where the cost centre is missing, and keeps its key until somebody has corrected that. */
export const provision = defineQueueProcessor({
  name: 'provision-account',
  input: worker,
  key: ({ employeeId }) => employeeId,
  dedicated: { partitions: 2 },
  retry: { maxAttempts: 2, initialDelay: '50 ms' },
  onBroken: 'block',
  process({ employeeId, costCentre, note }, ctx) {
    ctx.log(note ?? 'looked up', { employeeId, note })
    if (costCentre === undefined) throw new Error(`${note ?? 'this employee'} has no cost centre`)
    return { account: `a-${employeeId}`, note }
  },
})

/** Never succeeds, and holds nothing. */
export const invoice = defineQueueProcessor({
  name: 'send-invoice',
  input: z.object({ number: z.number() }),
  retry: { maxAttempts: 1 },
  process({ number }) {
    throw new Error(`invoice ${number} was refused`)
  },
})

/** Tells an address; those that break hold nothing. */
export const notify = defineQueueProcessor({
  name: 'notify-worker',
  input: z.object({ address: z.string(), isClosed: z.boolean().optional() }),
  key: ({ address }) => address,
  retry: { maxAttempts: 1 },
  process({ isClosed }) {
    if (isClosed) throw new Error('the mailbox is closed')
  },
})

const hire = defineService({
  name: 'hire-worker',
  input: worker.extend({ employeeId: z.string().meta({ examples: ['4711'] }) }),
  run: ({ employeeId }) => ({ hired: employeeId }),
})

export const accounts = defineApplication({
  name: 'accounts',
  definitions: [provision, invoice, notify, hire],
})
