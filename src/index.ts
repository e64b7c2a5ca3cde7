/** The public face of coatcheck. */
export {
  createNode,
  type ConsoleLinkOptions,
  type Node,
  type NodeEnqueueOptions,
  type ResultOptions,
} from './node.ts'
export type { AnonymousOptions, AuthOptions, TokenIssuerOptions } from './node/auth-options.ts'
export type { RateOptions } from './http/rate-options.ts'
export type { ApiKey, ApiKeys, CreateApiKeyOptions, CreatedApiKey } from './http/api-keys.ts'
export type { OperateOptions, OperatorIssuerOptions } from './node/operate-options.ts'
export type { OperatorRole } from './operate/operator.ts'
export type { TokenAlgorithm } from './http/token-check.ts'
export type { HttpOptions, NodeOptions, NodeType } from './node/options.ts'
export type { CallbackOptions } from './connect/callback-options.ts'
export {
  verifyWebhook,
  WebhookVerificationError,
  type VerifyWebhookOptions,
  type WebhookHeaders,
} from './connect/webhook-signature.ts'
export type { ActOptions, DeferOptions, EditOptions, RequeueOptions } from './operate/act-options.ts'
export type { ItemActs } from './node/acts.ts'
export type { BlockedKey, BlockedKeysOptions } from './node/blocked-keys.ts'
export type { NodeQueues, QueuePartitions } from './node/queues.ts'
export type { RedriveOptions, RedriveReport } from './operate/redrive.ts'
export type { BulkOptions, BulkProgress, BulkReport, ItemSelector, Selection } from './operate/selection.ts'
export type { QueueStanding } from './store/generations.ts'
export type { QueueState } from './store/queue-control.ts'
export type { Act, ActKind } from './define/act.ts'
export { ItemEndedError } from './node/item-ended.ts'
export { Events, type EventMap, type EventName } from './base/events.ts'
export {
  CallFailedError,
  createClient,
  type CallOptions,
  type Client,
  type ClientOptions,
  type ItemStatus,
} from './client/client.ts'
export * from './define/define.ts'
