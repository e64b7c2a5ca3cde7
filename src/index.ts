/** The public face of coatcheck. */
export { createNode, type Node, type NodeEnqueueOptions, type ResultOptions } from './node.ts'
export type { HttpOptions, NodeOptions, NodeType } from './node/options.ts'
export { ItemEndedError } from './node/item-ended.ts'
export { Events, type EventMap, type EventName } from './base/events.ts'
export * from './define/define.ts'
