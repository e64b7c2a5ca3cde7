import { Logger, run, type Runner, type TaskList } from 'graphile-worker'

export interface GraphileSettings {
  readonly concurrency: number
  /** Jobs fetched at once for the whole process; -1: each worker fetches its own. */
  readonly localQueue: number
  /** Milliseconds for which finished jobs are gathered into one statement; -1: each alone. */
  readonly completeJobBatchDelay: number
}

export const graphileTask = 'work'

export const quietLogger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message)
})

export function startGraphile(
  url: string,
  settings: GraphileSettings,
  work: TaskList[string],
): Promise<Runner> {
  return run({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: settings.concurrency,
        // What its documentation recommends.
        maxPoolSize: Math.max(10, settings.concurrency + 2),
        ...(settings.localQueue > 0 ? { localQueue: { size: settings.localQueue } } : {}),
        completeJobBatchDelay: settings.completeJobBatchDelay,
        failJobBatchDelay: settings.completeJobBatchDelay,
        preparedStatements: true,
        logger: quietLogger,
      },
    },
    noHandleSignals: true,
    parsedCronItems: [],
    taskList: { [graphileTask]: work },
  })
}
