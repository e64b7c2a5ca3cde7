import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The oldest Node that `engines` allows; a package of npm brings it where there is one for this platform. */
const oldestNode = '22.18.0'
const root = join(import.meta.dirname, '..')
const platform = process.platform === 'win32' ? 'win' : process.platform

interface PackedFile {
  path: string
}

// Packs what would be published, installs it where nothing of this repository is in reach, and uses it as a stranger would.
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-pack-'))
try {
  npm(root, 'run', 'build')
  const tarball = pack()
  install(tarball)
  const node = oldNode()
  compile('tsconfig.json')
  compile('tsconfig.browser.json')
  console.log(`Running on Node ${run(node, '--version').trim()}`)
  checkHelp(node)
  checkProgram(node)
  console.log('The packed package works.')
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function pack(): string {
  const json = npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder)
  const [packed] = JSON.parse(json) as [{ filename: string; files: PackedFile[] }]
  const paths = packed.files.map(({ path }) => path)
  const sources = paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  demand(sources.length === 0, `The tarball holds TypeScript sources: ${sources.join(', ')}`)
  demand(
    paths.some((path) => /^dist\/store\/migrations\/.+\.sql$/.test(path)),
    'The tarball holds no SQL migrations.',
  )
  for (const file of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.d.ts']) {
    demand(paths.includes(file), `The tarball lacks ${file}.`)
  }
  const strangers = paths.filter((path) => !path.startsWith('dist/') && path.includes('/'))
  demand(strangers.length === 0, `The tarball holds what nobody needs: ${strangers.join(', ')}`)
  return join(folder, packed.filename)
}

function install(tarball: string): void {
  cpSync(join(root, 'test', 'package'), folder, { recursive: true })
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'stranger', private: true, type: 'module' }),
  )
  // The versions that the repository itself is tested with.
  const { devDependencies, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const versions = { ...devDependencies, ...dependencies }
  const beside = ['typescript', 'zod', '@electric-sql/pglite', '@types/node']
  npm(
    folder,
    'install',
    '--no-audit',
    '--no-fund',
    tarball,
    ...beside.map((name) => `${name}@${versions[name]}`),
  )
}

function oldNode(): string {
  try {
    npm(
      folder,
      'install',
      '--no-audit',
      '--no-fund',
      '--no-save',
      `node-${platform}-${process.arch}@${oldestNode}`,
    )
    return join(
      folder,
      'node_modules',
      `node-${platform}-${process.arch}`,
      'bin',
      platform === 'win' ? 'node.exe' : 'node',
    )
  } catch {
    console.log(`There is no Node ${oldestNode} for this platform in npm; this Node is used instead.`)
    return process.execPath
  }
}

function compile(config: string): void {
  run(process.execPath, join('node_modules', 'typescript', 'bin', 'tsc'), '-p', config)
}

function checkHelp(node: string): void {
  const { bin } = JSON.parse(readFileSync(join(folder, 'node_modules', 'coatcheck', 'package.json'), 'utf8'))
  const main = join(folder, 'node_modules', 'coatcheck', bin.coatcheck)
  demand(
    readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n'),
    `${bin.coatcheck} lacks its #! line.`,
  )
  demand(
    /usage: coatcheck/i.test(run(node, main, '--help')),
    '`coatcheck --help` does not say how it is used.',
  )
  if (process.platform === 'win32') return
  // As a shell finds it, with the Node under test first on the path.
  const path = `${join(node, '..')}:${process.env.PATH}`
  const help = execFileSync(join(folder, 'node_modules', '.bin', 'coatcheck'), ['--help'], {
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  })
  demand(/usage: coatcheck/i.test(help), '`npx coatcheck --help` does not say how it is used.')
}

function checkProgram(node: string): void {
  const output = run(node, join('out', 'program.js'))
  console.log(output.trim())
  demand(output.includes('result {"greeting":"Hello, Ada"}'), 'The program did not print its result.')
}

function npm(cwd: string, ...args: string[]): string {
  // The npm that runs this script, on the Node that it was started with.
  const cli = process.env.npm_execpath
  const [command, first] = cli ? [process.env.npm_node_execpath ?? process.execPath, [cli]] : ['npm', []]
  return execute(cwd, command, [...first, ...args])
}

function run(command: string, ...args: string[]): string {
  return execute(folder, command, args)
}

function execute(cwd: string, command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      timeout: 240_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

function demand(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence)
}
