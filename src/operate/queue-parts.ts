import type { Engine } from '../engine/engine.ts'

/** What the operator's API needs of the engine to show queues and to change them. */
export type QueueParts = Pick<
  Engine,
  'database' | 'definitions' | 'figures' | 'queues' | 'repartition' | 'bootId'
>
