import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createNode, type NodeOptions } from '../../../src/index.ts'
import { hr } from '../../http/hr-application.ts'
import { hostile } from './hostile.ts'
import { secrets } from './secrets.ts'
import { createServices, type RunCounts } from './services.ts'

/** How the process's node is to be: JSON in its first argument. */
export interface HttpSettings extends Pick<
  NodeOptions,
  'schema' | 'auth' | 'callbacks' | 'name' | 'nodeTypes' | 'operate'
> {
  readonly database: string
  /** What the node has: the services of `services.ts` and `hr` unless set. */
  readonly definitions?: 'hostile' | 'secrets'
  /** Where its log goes, every line of it; unset: it has none. */
  readonly logFile?: string
}

/** What the process tells: first where it listens, then its vitals as often as it is asked for them. */
export type HttpNews = { readonly url: string } | Vitals

export interface Vitals {
  /** By how much its event loop was late since it was last asked, 99 of 100 times at most, and the longest. */
  readonly lateMs: { readonly p99: number; readonly most: number }
  readonly counts: RunCounts
  /** What its threads have taken of the processors since the start. */
  readonly processorMs: number
  /** What built-in prototypes have that they did not have at the start. */
  readonly foreign: readonly string[]
  /** How often it told of each event since the start. */
  readonly events: Readonly<Record<string, number>>
}

const resolutionMs = 1
const prototypes = { Object, Array, String, Number, Boolean, Function, Promise, Map, Set }

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as HttpSettings)

async function main(settings: HttpSettings): Promise<void> {
  const { definitions, logFile, ...options } = settings
  const { application, counts } = createServices()
  const applications = { hostile: [hostile], secrets: [secrets] }
  const node = await createNode({
    applications: definitions ? applications[definitions] : [application, hr],
    http: { port: 0 },
    ...(logFile === undefined && { log: false }),
    stopTimeout: '1 second',
    ...options,
  })
  const events: Record<string, number> = {}
  node.events.listen((name) => (events[name] = (events[name] ?? 0) + 1))
  const before = new Set(membersOfPrototypes())
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  process.on('disconnect', () => process.exit(1))
  process.on('message', () => {
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1_000_000 - resolutionMs)
    process.send?.({
      lateMs: { p99: late(delay.percentile(99)), most: late(delay.max) },
      counts,
      processorMs: (({ user, system }) => (user + system) / 1_000)(process.cpuUsage()),
      foreign: membersOfPrototypes().filter((name) => !before.has(name)),
      events,
    } satisfies Vitals)
    delay.reset()
  })
  await node.start()
  delay.enable()
  process.send?.({ url: node.url ?? '' } satisfies HttpNews)
}

function membersOfPrototypes(): string[] {
  return Object.entries(prototypes).flatMap(([name, { prototype }]) =>
    Reflect.ownKeys(prototype).map((member) => `${name}.prototype.${String(member)}`),
  )
}
