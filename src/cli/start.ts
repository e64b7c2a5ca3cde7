import { packageVersion } from '../base/version.ts'
import { queuesOf, type Definition } from '../define/definition.ts'
import { resolveApplications } from '../define/registry.ts'
import { isLocalHost } from '../http/listener.ts'
import type { Node } from '../node.ts'
import { createNode } from '../node.ts'
import type { NodeOptions } from '../node/options.ts'
import { loadConfiguration, type NodeFlags } from './configuration.ts'

/** `coatcheck start <module>`: runs a node until it is told to stop. */
export async function start(module: string, flags: NodeFlags): Promise<void> {
  const options = await loadConfiguration(module, flags)
  const node = await createNode(options)
  const stopped = stopOnSignals(node)
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    throw error
  }
  console.log(banner(node, options, await consoleLine(node, options)))
  await stopped
}

/** npm passes a Ctrl-C on that the terminal has sent us already: what follows at once is the same signal. */
const sameSignalMs = 300

/** @returns resolves when a signal came and the node has stopped */
function stopOnSignals(node: Node): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let firstAt: number | undefined
  const onSignal = (): void => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt > sameSignalMs) process.exit(1)
      return
    }
    firstAt = performance.now()
    console.log('Stopping: what runs is finished, the rest goes back. Again to end at once.')
    node.stop().then(resolve, reject)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
  return promise.finally(() => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  })
}

/** A link for whoever starts a node on their own machine, who has no user yet. Elsewhere it would stand in logs. */
async function consoleLine(node: Node, { database, http }: NodeOptions): Promise<string[]> {
  const isEmbedded = database === undefined || database === 'embedded'
  if (node.url === undefined || !(isEmbedded || isLocalHost((http && http.host) || '127.0.0.1'))) return []
  // an embedded database is this process's alone
  const more = isEmbedded ? '' : '; coatcheck link makes more'
  return [`  Console: ${await node.consoleLink()}`, `           It signs in once, within 10 minutes${more}.`]
}

function banner(node: Node, options: NodeOptions, more: readonly string[]): string {
  const { definitions } = resolveApplications(options.applications).registry
  const lines = [
    [
      'services',
      node.url === undefined ? 'none: this node does not listen' : `${node.url}${frontPath(options)}`,
    ],
    ['database', describeDatabase(options)],
    ['types', (options.nodeTypes ?? ['web', 'background']).join(', ')],
    ...queueLines([...definitions.values()]),
  ]
  const told = lines.map(([name = '', value = '']) => `  ${name.padEnd(10)}${value}`)
  const warnings = node.warnings.map((warning) => `  ${warning}`)
  return [`Coatcheck ${packageVersion}`, ...told, ...more, ...warnings].join('\n')
}

function frontPath({ http }: NodeOptions): string {
  return (http && http.basePath?.replace(/\/+$/, '')) || '/'
}

function describeDatabase({ database, directory = '.coatcheck/data' }: NodeOptions): string {
  if (database === undefined || database === 'embedded') return `embedded: for development (${directory})`
  if (typeof database !== 'string') return 'PostgreSQL, through your pool'
  // no user and password: the line ends up in logs
  const { host, pathname } = new URL(database)
  return `PostgreSQL at ${host}${pathname}`
}

/** A line for each queue, with whose items run on it. */
function queueLines(definitions: readonly Definition[]): string[][] {
  const placed = definitions.flatMap((definition) =>
    queuesOf(definition).map((queue) => ({ ...definition, queue })),
  )
  const byQueue = Map.groupBy(placed, ({ queue }) => queue)
  return [...byQueue].map(([queue, members], index) => {
    const names = members.map(({ name, run }) => (run ? name : `${name} (accepted only)`)).join(', ')
    return [index === 0 ? 'queues' : '', queue === names ? queue : `${queue}: ${names}`]
  })
}
