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
  'http',
  'run',
]
export const retryOptions = ['maxAttempts', 'initialDelay', 'factor', 'maxDelay', 'jitter']

/** What to do about options of the other kind. */
export const processorHints = {
  run: 'the handler of a queue processor is "process"',
  output: 'the result of a queue processor is what "process" returns',
  execution: 'only services have it',
  queueWhen: 'only services have it',
  respondAsync: 'only services have it',
  http: 'only services have it',
  partitions: 'did you mean "dedicated: { partitions }"?',
  stream: 'did you mean "dedicated: { stream }"?',
}
export const serviceHints = {
  process: 'the handler of a service is "run"',
  tracking: 'items of services are always tracked',
  onBroken: 'only queue processors have it',
  supersede: 'only queue processors have it',
  dedicated: 'only queue processors have it',
  path: 'did you mean "http: { path }"?',
}
