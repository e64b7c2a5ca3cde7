import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCpuProfile, type Share } from './cpu-profile.ts'
import type { Kind } from './definitions.ts'
import { runTask } from './process.ts'
import { countingSettings, processorMs, readStatements, startCounting } from './server-cost.ts'
import { settleDown, startServer } from './server.ts'

const usage = `Usage: node bench/profile.ts [--kind untracked|keyed|tracked] [--items 300000] [--concurrency 50]
                             [--postgres 15|18] [--top 40] [--cost]

Drains a queue twice, or with --cost only the first time: once to see what an item costs node and PostgreSQL, by statement; once sampled, to see in which
functions node spends its time. The .cpuprofile files stay, for the DevTools of Chrome.`

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'untracked' },
    items: { type: 'string', default: '300000' },
    concurrency: { type: 'string', default: '50' },
    postgres: { type: 'string', default: '18' },
    top: { type: 'string', default: '40' },
    cost: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const items = Number(values.items)
const server = await startServer(values.postgres === '15' ? 15 : 18, countingSettings)
try {
  await showCosts()
  if (!values.cost) await showFunctions()
} finally {
  await server.stop()
}

async function fill() {
  const url = await server.freshDatabase()
  const parameters = { url, kind: values.kind as Kind, items, concurrency: Number(values.concurrency) }
  await runTask('fillCoatcheck', parameters)
  await settleDown(url)
  return parameters
}

/** What an item costs, of processor time and by statement. Processor time is the figure that busy neighbours change least. */
async function showCosts(): Promise<void> {
  const parameters = await fill()
  await startCounting(parameters.url)
  const before = await processorMs(server.pid ?? 0)
  const result = await runTask('drainCoatcheck', parameters)
  const serverMs = (await processorMs(server.pid ?? 0)) - before
  const perItem = (ms: number): string => `${((ms * 1000) / items).toFixed(2)} µs`
  console.log(`${values.kind}: ${Math.round(items / result.seconds)} items/s`)
  console.log(
    `  processor time an item: node ${perItem(result.processorMs)}, PostgreSQL ${perItem(serverMs)}`,
  )
  console.log(
    `  ${result.settles} settles, ${(items / result.settles).toFixed(0)} items each, at most ${result.largestSettle}, ` +
      `${(result.settleMs / result.settles).toFixed(2)} ms each, ${(result.settleMs / 1000).toFixed(2)} of ${result.seconds.toFixed(2)} s`,
  )
  console.log('\n   calls      ms   ms/call     rows  WAL B/item  statement')
  for (const { calls, totalMs, rows, walBytes, text } of await readStatements(parameters.url))
    console.log(
      [
        String(calls).padStart(8),
        totalMs.toFixed(0).padStart(7),
        (totalMs / calls).toFixed(3).padStart(9),
        String(rows).padStart(8),
        (walBytes / items).toFixed(1).padStart(11),
        ` ${text.slice(0, 120)}`,
      ].join(' '),
    )
}

async function showFunctions(): Promise<void> {
  const parameters = await fill()
  const folder = await mkdtemp(join(tmpdir(), `coatcheck-profile-${values.kind}-`))
  const result = await runTask('drainCoatcheck', parameters, {
    flags: ['--cpu-prof', `--cpu-prof-dir=${folder}`],
  })
  console.log(`\n${Math.round(items / result.seconds)} items/s while sampled; profiles in ${folder}`)
  for (const file of (await readdir(folder)).sort()) {
    const shares = await readCpuProfile(join(folder, file), result.window)
    show(file, shares)
  }
}

function show(file: string, shares: readonly Share[]): void {
  const all = shares.reduce((sum, { selfUs }) => sum + selfUs, 0)
  const percent = (us: number): string => `${((100 * us) / all).toFixed(1).padStart(5)} %`
  console.log(`\n${file}: ${(all / 1e6).toFixed(2)} s\n   self    total    µs/item`)
  for (const { place, selfUs, totalUs } of shares.slice(0, Number(values.top)))
    console.log(
      `${percent(selfUs)}  ${percent(totalUs)}  ${(selfUs / items).toFixed(3).padStart(8)}  ${place}`,
    )
}
