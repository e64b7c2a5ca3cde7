import { appendClaim } from './claims/append.ts'
import { trackedDrainClaim } from './claims/drain-tracked.ts'
import { drainClaim } from './claims/drain.ts'
import { httpClaim, httpCostClaim } from './claims/http.ts'
import { latencyClaim } from './claims/latency.ts'
import { measureOperate } from './operate.ts'
import { operateClaim, readOptions } from './options.ts'
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
  if (options.only.includes(operateClaim)) {
    const times = options.size === 'quick' ? 2 : 40
    const { report, isMet } = await measureOperate(server, { rows: options.rows, times })
    console.log(`${report}\n\n${conditions.map((line) => `- ${line}`).join('\n')}`)
    if (options.size === 'full' && !isMet) process.exitCode = 1
  }
  const measured = await measureRounds(
    chosen.map(([, claim]) => claim(options.size)),
    options.rounds,
    server,
  )
  const report = writeReport(measured, conditions, options.rounds)
  if (chosen.length > 0) console.log(report)
  if (options.write) await writeReadme(report)
} finally {
  await server.stop()
}
