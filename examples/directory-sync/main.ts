import { existsSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, type Node } from '../../src/index.ts'
import { createApplication } from './application.ts'
import { type Options, readOptions, usage } from './options.ts'
import { usualPartner } from './partner-server.ts'
import { Partner } from './partner.ts'
import { publish } from './publish.ts'
import { createTables, findBroken, type Progress, readProgress, type Run } from './run.ts'
import { Screen } from './screen.ts'
import { showProgress, showSummary, summarise } from './summary.ts'

const worker = `${hostname()}/${process.pid}`
const stopping = new AbortController()

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') console.log(usage)
  else await main(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function main(options: Options): Promise<void> {
  const screen = new Screen(options.quiet)
  const database = process.env['DATABASE_URL'] || undefined
  if (!database && !existsSync(options.directory))
    screen.say('Making an embedded database; that takes some seconds.')
  const partner = new Partner(options.partnerPort, { ...usualPartner, latencyMs: options.latencyMs })
  const { application, mirrorSubdivision } = createApplication(partner, worker)
  const node = await createNode({
    applications: [application],
    database,
    directory: options.directory,
    http: options.port === undefined ? {} : { port: options.port },
    stopTimeout: '5 seconds',
  })
  listenToSignals(screen)
  try {
    await createTables(node)
    await node.start()
    screen.say(await introduce(node, partner, options))
    const { run, isNew } = await publish(node, mirrorSubdivision, options)
    screen.say(`\n${await tellStart(node, run, isNew)}`)
    const progress = await follow(node, run, screen)
    if (progress) {
      const summary = await summarise(node, run, progress, options.latencyMs)
      screen.say(showSummary(run, summary))
      if (summary.broken > 0 || summary.inStep < summary.codes) process.exitCode = 1
      if (!options.once) await stay(screen)
    }
  } finally {
    await node.stop()
    await partner.stop()
  }
}

/** A terminal's Ctrl-C reaches us twice under npm, which passes it on: only one that comes later is a second one. */
function listenToSignals(screen: Screen): void {
  const onSignal = (): void => {
    if (stopping.signal.aborted) return
    screen.say('Stopping: what runs is finished, the rest is kept. Again to end at once.')
    stopping.abort()
    const at = performance.now()
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (performance.now() - at > 1000) process.exit(1)
      })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
}

async function introduce(node: Node, partner: Partner, { directory, latencyMs }: Options): Promise<string> {
  const { failEvery, callsPerSecond } = usualPartner
  const url = await partner.find()
  const database = process.env['DATABASE_URL'] ? 'PostgreSQL' : `embedded: for development (${directory})`
  const whose = partner.isOwn ? 'run here' : 'run by another process'
  const ticket = join(tmpdir(), 'coatcheck-ticket')
  const service = `${node.url}/services/directory-sync/look-up-subdivision`
  return `Two systems kept in step: ISO 3166-2 and a partner's register
  services    ${node.url}/
  console     ${await node.consoleLink()} (signs in once, within 10 minutes)
  database    ${database}
  partner     ${url} (${whose}): ${latencyMs} ms a call, 1 change in ${failEvery} fails, ${callsPerSecond} calls a second

Look a subdivision up, also while it runs; you get a ticket (202), and the second command its result:
  curl -si -H 'content-type: application/json' -d '{"code":"AD-02"}' ${service} | tee ${ticket}
  curl -i "${node.url}$(tr -d '\\r' < ${ticket} | sed -n 's/^location: //p')/result?wait=20s"`
}

async function tellStart(node: Node, run: Run, isNew: boolean): Promise<string> {
  const size = `${run.records.toLocaleString('en-US')} records and ${run.changes} changes`
  if (isNew) return `Run ${run.number}: ${size} are published.`
  const progress = await readProgress(node, run, worker)
  const left = progress.accepted - progress.succeeded - progress.broken
  return left > 0
    ? `Run ${run.number} of ${size} is under way: this process takes part in the ${left.toLocaleString('en-US')} that are left.`
    : `Run ${run.number} of ${size} is over already; --fresh begins another.`
}

/** Shows how far the run is until it is over. */
async function follow(node: Node, run: Run, screen: Screen): Promise<Progress | undefined> {
  let before = -1
  while (!stopping.signal.aborted) {
    const progress = await readProgress(node, run, worker)
    const { accepted, succeeded, broken } = progress
    if (succeeded + broken === accepted) return progress
    screen.progress(showProgress(progress))
    // looked for when nothing moves: each costs a query
    if (succeeded === before) await findBroken(node, run)
    before = succeeded
    await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  return undefined
}

async function stay(screen: Screen): Promise<void> {
  if (stopping.signal.aborted) return
  screen.say('\nThe services stay open; Ctrl-C ends.')
  await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve))
}
