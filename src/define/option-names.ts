/** The options that each kind knows; the reference lists them, and a test holds the two against each other. */
const commonOptions = [
  'name',
  'input',
  'key',
  'concurrency',
  'retry',
  'timeout',
  'order',
  'orderGroup',
  'retention',
  'maxPayload',
  'upgrade',
  'secret',
]
export const processorOptions = [
  ...commonOptions,
  'onBroken',
  'supersede',
  'tracking',
  'dedicated',
  'process',
]
export const serviceOptions = [
  ...commonOptions,
  'output',
  'execution',
  'queueWhen',
  'respondAsync',
  'maxRunning',
  'idempotency',
  'callback',
  'http',
  'roles',
  'accessGroup',
  'requestProcessor',
  'run',
]
export const requestProcessorOptions = ['name', 'queues', 'retry', 'keep']
export const requestQueueOptions = ['queue', 'when', 'partitions', 'maxWaiting']
export const keepOptions = ['afterSuccess', 'afterFailure', 'untilRetrieved']
export const retryOptions = ['maxAttempts', 'initialDelay', 'factor', 'maxDelay', 'delays', 'jitter']

/** What to do about options of the other kind. */
export const processorHints = {
  run: 'the handler of a queue processor is "process"',
  output: 'the result of a queue processor is what "process" returns',
  execution: 'only services have it',
  queueWhen: 'only services have it',
  respondAsync: 'only services have it',
  maxRunning: 'only services have it; concurrency says how many items run at once',
  idempotency: 'only services have it; give uniqueKey to enqueue',
  callback: 'only services have it',
  http: 'only services have it',
  roles: 'only services have it',
  accessGroup: 'only services have it',
  requestProcessor: 'only services have it',
  partitions: 'did you mean "dedicated: { partitions }"?',
  stream: 'did you mean "dedicated: { stream }"?',
}
export const serviceHints = {
  process: 'the handler of a service is "run"',
  tracking: 'items of services are always tracked',
  onBroken: 'only queue processors have it',
  supersede: 'only queue processors have it',
  dedicated: 'only queue processors have it',
  queue: 'its request processor says which: requestProcessor',
  queues: 'its request processor says which: requestProcessor',
  keep: 'its request processor says it: requestProcessor',
  path: 'did you mean "http: { path }"?',
}
export const requestProcessorHints = {
  queue: 'did you mean "queues: [{ queue }]"?',
  when: 'did you mean "queues: [{ queue, when }]"?',
  maxAttempts: 'did you mean "retry: { maxAttempts }"?',
  retention: 'did you mean "keep: { afterSuccess, afterFailure }"?',
  afterSuccess: 'did you mean "keep: { afterSuccess }"?',
  afterFailure: 'did you mean "keep: { afterFailure }"?',
  untilRetrieved: 'did you mean "keep: { untilRetrieved }"?',
  run: 'the handler is that of each service',
}
