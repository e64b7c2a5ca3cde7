#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { packageVersion } from '../base/version.ts'
import { check } from './check.ts'
import { showItem } from './items.ts'
import { migrate } from './migrate.ts'
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
  .option('--host <address>', 'a loopback address to listen on (default: 127.0.0.1)')
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

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Write a whole number from 0 to 65535.')
}
