#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { packageVersion } from '../base/version.ts'
import { parseRate } from '../http/rate-options.ts'
import { operatorRoles } from '../operate/operator.ts'
import { check } from './check.ts'
import { showItem } from './items.ts'
import { createKey, listKeys, revokeKey, type CreateKeyFlags } from './keys.ts'
import { makeLink } from './link.ts'
import { migrate } from './migrate.ts'
import { changeConcurrency, changePartitions, orderQueue, showQueues, type QueueOrder } from './queues.ts'
import { describeError } from './sentence.ts'
import { start } from './start.ts'
import { changePassword, createUser, listAllUsers, setDisabled, type CreateUserFlags } from './users.ts'

const program = new Command('coatcheck')
  .description('Asynchronous integration: hand work over, keep the ticket, come back for the result.')
  .version(packageVersion)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .option('--database <url>', 'postgres:// URL, or embedded; else DATABASE_URL, else embedded')
  .option('--schema <name>', "schema of Coatcheck's tables (default: coatcheck)")
  .option('--directory <path>', 'where the embedded database lives (default: .coatcheck/data)')

program
  .command('start')
  .description('run a node with the applications of a module until SIGTERM or SIGINT')
  .argument('<module>', 'its default export, config or applications is run')
  .option('--host <address>', 'where to listen (default: 127.0.0.1); other than loopback needs auth')
  .option('--port <number>', 'where to listen (default: 3000, or a free one)', readPort)
  .option('--types <list>', 'web, background, or both (default: web,background)', (text) => text.split(','))
  .action((module: string, _options, command: Command) => start(module, command.optsWithGlobals()))

program
  .command('migrate')
  .description('bring the schema of the database up to this release')
  .action((_options, command: Command) => migrate(command.optsWithGlobals()))

program
  .command('check')
  .description('tell all problems of a configuration at once')
  .argument('<module>', 'as for start')
  .action((module: string, _options, command: Command) => check(module, command.optsWithGlobals()))

program
  .command('items')
  .description('show a queue item and its log')
  .argument('<id>', 'queue item id')
  .option('--json', 'as JSON')
  .action((id: string, _options, command: Command) => showItem(id, command.optsWithGlobals()))

const queues = program
  .command('queues')
  .description('show the queues, their partitions and states')
  .option('--json', 'as JSON')
  .action((_options, command: Command) => showQueues(command.optsWithGlobals()))

queues
  .command('partitions')
  .description('give a queue another number of partitions, while it is at work')
  .argument('<queue>', 'name of the queue')
  .argument('<count>', '1 to 4096', readCount)
  .action((queue: string, partitions: number, _options, command: Command) =>
    changePartitions(queue, partitions, command.optsWithGlobals()),
  )

const orders: Record<QueueOrder, string> = {
  pause: 'let nothing of a queue start; what runs goes on',
  start: 'let a queue go on that is paused or stopped',
  stop: 'let nothing of a queue start, and tell what runs to end',
  restart: 'tell what runs of a queue to end, and run it again',
}
for (const [order, description] of Object.entries(orders) as [QueueOrder, string][])
  queues
    .command(order)
    .description(description)
    .argument('<queue>', 'name of the queue')
    .action((queue: string, _options, command: Command) =>
      orderQueue(order, queue, command.optsWithGlobals()),
    )

queues
  .command('concurrency')
  .description('how many items of a queue each node runs at once')
  .argument('<queue>', 'name of the queue')
  .argument('<count>', '1 to 10000, or none: as the definitions say', readConcurrency)
  .action((queue: string, perNode: number | 'none', _options, command: Command) =>
    changeConcurrency(queue, perNode === 'none' ? undefined : perNode, command.optsWithGlobals()),
  )

queues
  .command('list')
  .description('the same as queues without a word')
  .action((_options, command: Command) => showQueues(command.optsWithGlobals()))

const keys = program.command('keys').description('API keys: who may call over HTTP')

keys
  .command('create')
  .description('make an API key and show it, once')
  .requiredOption('--name <text>', 'who it is for')
  .option('--service <application/service...>', 'the only services that it may call (default: all)')
  .option('--role <name...>', 'observer, operator, administrator, or a role that services ask for')
  .option('--access-group <text>', 'stands with its items; limits what an operator sees')
  .option('--expires <duration>', 'for how long it is good: 90d (default: until it is revoked)')
  .option('--rate <quota/window>', 'a limit of its own: 100/1m (default: that of the node)', readRate)
  .option('--json', 'as JSON')
  .action((_options, command: Command) => createKey(command.optsWithGlobals<CreateKeyFlags>()))

keys
  .command('list')
  .description('show the API keys, without their secrets')
  .option('--json', 'as JSON')
  .action((_options, command: Command) => listKeys(command.optsWithGlobals()))

keys
  .command('revoke')
  .description('end an API key')
  .argument('<id>', 'the part of the key between the two underscores')
  .action((id: string, _options, command: Command) => revokeKey(id, command.optsWithGlobals()))

/** A new one each time: a command takes it for its own. */
const roleOption = (text: string) => new Option('--role <name>', text).choices(operatorRoles)

program
  .command('link')
  .description('make a link that signs somebody in to the console, once')
  .addOption(roleOption('what whoever opens it may do').default('administrator'))
  .option('--url <url>', 'where the node is, with its base path', 'http://127.0.0.1:3000')
  .action((_options, command: Command) => makeLink(command.optsWithGlobals()))

const users = program.command('users').description('users of the console')

users
  .command('create')
  .description('make a user, with a password from the terminal or from stdin')
  .argument('<name>', 'letters, digits and . _ @ + -')
  .addOption(roleOption('what the user may do').makeOptionMandatory())
  .option('--access-group <text>', 'the only one whose items the user sees (default: all)')
  .option('--no-password', 'make a user who cannot sign in yet')
  .action((name: string, _options, command: Command) =>
    createUser(name, command.optsWithGlobals<CreateUserFlags>()),
  )

users
  .command('list')
  .description('show the users')
  .option('--json', 'as JSON')
  .action((_options, command: Command) => listAllUsers(command.optsWithGlobals()))

users
  .command('disable')
  .description('let a user in no more; its sessions end')
  .argument('<name>')
  .action((name: string, _options, command: Command) => setDisabled(name, true, command.optsWithGlobals()))

users
  .command('enable')
  .description('let a user in again')
  .argument('<name>')
  .action((name: string, _options, command: Command) => setDisabled(name, false, command.optsWithGlobals()))

users
  .command('password')
  .description('give a user another password, from the terminal or from stdin; its sessions end')
  .argument('<name>')
  .action((name: string, _options, command: Command) => changePassword(name, command.optsWithGlobals()))

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // it has told what is wrong; help and version are no errors
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    console.error(describeError(error))
    process.exitCode = 1
  }
}

function readCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number from 1 to 4096.')
}

function readConcurrency(text: string): number | 'none' {
  if (text === 'none') return text
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number from 1 to 10000, or none.')
}

function readRate(text: string) {
  const rate = parseRate(text)
  if (rate) return rate
  throw new InvalidArgumentError('Write requests per time, such as 100/1m.')
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Write a whole number from 0 to 65535.')
}
