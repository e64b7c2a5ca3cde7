#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { packageVersion } from '../base/version.ts'
import { parseRate } from '../node/auth-options.ts'
import { check } from './check.ts'
import { showItem } from './items.ts'
import { createKey, listKeys, revokeKey, type CreateKeyFlags } from './keys.ts'
import { migrate } from './migrate.ts'
import { changePartitions, showQueues } from './queues.ts'
import { describeError } from './sentence.ts'
import { start } from './start.ts'

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
  .description('show the queues and their partitions')
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
