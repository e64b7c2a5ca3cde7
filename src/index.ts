/** The public face of coatcheck. */
export {
  createNode,
  type Node,
  type NodeEnqueueOptions,
  type QueuePartitions,
  type ResultOptions,
} from './node.ts'
export type { AnonymousOptions, AuthOptions, RateOptions, TokenIssuerOptions } from './node/auth-options.ts'
export type { ApiKey, ApiKeys, CreateApiKeyOptions, CreatedApiKey } from './node/api-keys.ts'
export type { TokenAlgorithm } from './http/token-check.ts'
export type { HttpOptions, NodeOptions, NodeType } from './node/options.ts'
export type { CallbackOptions } from './connect/callback-options.ts'
export {
  verifyWebhook,
  WebhookVerificationError,
  type VerifyWebhookOptions,
  type WebhookHeaders,
} from './connect/webhook-signature.ts'
export type { ActOptions, DeferOptions, EditOptions, RequeueOptions } from './node/act-options.ts'
export type { ItemActs } from './node/acts.ts'
export type { BlockedKey, BlockedKeysOptions } from './node/blocked-keys.ts'
export type { RedriveOptions, RedriveReport } from './node/redrive.ts'
export type { BulkOptions, BulkReport, ItemSelector, Selection } from './node/selection.ts'
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
