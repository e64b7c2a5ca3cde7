import { defineApplication, defineQueueProcessor } from '../src/define/define.ts'
import type { Payload } from './payload.ts'

// Takes everything: neither subject is to pay for a schema of the user's.
export const benchInput = {
  '~standard': {
    version: 1,
    vendor: 'bench',
    validate: (value: unknown) => ({ value: value as Payload }),
    types: undefined as { input: Payload; output: Payload } | undefined,
  },
} as const

export type Kind = 'untracked' | 'keyed' | 'tracked'

type Handle = (payload: Payload) => void

/** The three queues of the drains, each its own, with one handler. */
export function benchApplication(handle: Handle, concurrency: number) {
  const common = { input: benchInput, concurrency, dedicated: {} } as const
  const untracked = defineQueueProcessor({
    ...common,
    name: 'untracked',
    tracking: 'failures',
    // oxlint-disable-next-line typescript/require-await -- handlers are asynchronous
    async process(payload) {
      handle(payload)
    },
  })
  const keyed = defineQueueProcessor({
    ...common,
    name: 'keyed',
    tracking: 'failures',
    key: (payload) => payload.key,
    async process(payload) {
      handle(payload)
    },
  })
  const tracked = defineQueueProcessor({
    ...common,
    name: 'tracked',
    tracking: 'all',
    async process(payload) {
      handle(payload)
      return { done: payload.n, account: `account of ${payload.key}`, status: 'provisioned' }
    },
  })
  return {
    processors: { untracked, keyed, tracked },
    application: defineApplication({ name: 'bench', definitions: [untracked, keyed, tracked] }),
  }
}
