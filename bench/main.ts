import { appendClaim } from './claims/append.ts'
import { trackedDrainClaim } from './claims/drain-tracked.ts'
import { drainClaim } from './claims/drain.ts'
import { httpClaim, httpCostClaim } from './claims/http.ts'
import { latencyClaim } from './claims/latency.ts'
import { readOptions } from './options.ts'
import { describeConditions, writeReadme, writeReport } from './report.ts'
import { measureRounds } from './rounds.ts'
import { openServer } from './server.ts'

const claims = {
  append: appendClaim,
  drain: drainClaim,
  'drain-tracked': trackedDrainClaim,
  latency: latencyClaim,
  http: httpClaim,
  'http-cost': httpCostClaim,
}

const options = readOptions(Object.keys(claims))
const chosen = Object.entries(claims).filter(([name]) => options.only.includes(name))
const server = await openServer(options.postgres)
try {
  const conditions = await describeConditions(server.conditions)
  const measured = await measureRounds(
    chosen.map(([, claim]) => claim(options.size)),
    options.rounds,
    server,
  )
  const report = writeReport(measured, conditions, options.rounds)
  console.log(report)
  if (options.write) await writeReadme(report)
} finally {
  await server.stop()
}
