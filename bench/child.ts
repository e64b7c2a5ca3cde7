import { appendCoatcheck, appendGraphile } from './tasks/append.ts'
import { drainCoatcheck, fillCoatcheck } from './tasks/drain-coatcheck.ts'
import { drainGraphile, fillGraphile } from './tasks/drain-graphile.ts'
import { httpBare, httpCoatcheck, httpLoad, httpWithout } from './tasks/http.ts'
import { receiveCoatcheck, receiveGraphile, sendCoatcheck, sendGraphile } from './tasks/latency.ts'

/** What runs in a process of its own. Each takes its parameters as JSON and answers with a JSON object. */
export const tasks = {
  appendCoatcheck,
  appendGraphile,
  drainCoatcheck,
  drainGraphile,
  fillCoatcheck,
  fillGraphile,
  httpBare,
  httpCoatcheck,
  httpLoad,
  httpWithout,
  receiveCoatcheck,
  receiveGraphile,
  sendCoatcheck,
  sendGraphile,
} as const
export type TaskName = keyof typeof tasks

if (import.meta.main) {
  const [name, parameters] = process.argv.slice(2) as [TaskName, string]
  const run = tasks[name] as (parameters: unknown) => Promise<object>
  // A task that failed may still hold connections and timers.
  const result = await run(JSON.parse(parameters)).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
  console.log(JSON.stringify(result))
}
