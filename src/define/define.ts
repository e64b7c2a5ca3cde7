/**
 * The subpath `coatcheck/define`: what web apps and browsers need to name work and its types. It imports nothing of Node.
 */
export type { Duration } from '../base/duration.ts'
export type { ErrorCode } from '../base/errors.ts'
export { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
export type { QueueItemId } from '../base/ids.ts'
export type { Json } from '../base/json-type.ts'
export type { Size } from '../base/size.ts'
export type { Tx } from '../base/tx.ts'
export type { AnyApplication, AnyDefinition, Application, ApplicationOptions } from './application.ts'
export { defineApplication } from './application.ts'
export type { DebounceOptions, Enqueueable, EnqueueOptions, HandlerContext, Receipt } from './context.ts'
export type { Failure, FailureRecord } from './failure.ts'
export type { CancelReason, Item, ItemLogEntry, ItemState, RequestContext } from './item.ts'
export type { RetryLaterOptions } from './outcome.ts'
export { isQueuedRequest, isReject, isRetryLater, QueuedRequestError, Reject, RetryLater } from './outcome.ts'
export type { ProblemOptions } from './problem.ts'
export { isProblem, Problem } from './problem.ts'
export type {
  CommonOptions,
  DedicatedQueue,
  PartitionKey,
  ProcessHandler,
  QueueProcessor,
  QueueProcessorDeclaration,
  QueueProcessorOptions,
  RetryOptions,
} from './queue-processor.ts'
export { defineQueueProcessor } from './queue-processor.ts'
export type {
  KeepOptions,
  RequestProcessor,
  RequestProcessorOptions,
  RequestQueue,
  ServiceRequest,
} from './request-processor.ts'
export { defineRequestProcessor } from './request-processor.ts'
export type { Reply, ReplyOptions } from './reply.ts'
export { reply } from './reply.ts'
export type {
  Returnable,
  RunHandler,
  Service,
  ServiceDeclaration,
  ServiceDeclarationWithOutput,
  ServiceHttp,
  ServiceOptions,
} from './service.ts'
export { defineService } from './service.ts'
