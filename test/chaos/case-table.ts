import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { cases } from './cases.ts'
import type { MutantResult } from './mutant-command.ts'
import { hasPassed, type CaseResult } from './play-case.ts'

const root = join(import.meta.dirname, '..', '..')
const page = join(root, 'docs', 'reference', 'reliability.md')

/** Puts the results into the table of the documentation, in place of those that these cases had there. */
export async function writeTable(results: readonly CaseResult[]): Promise<void> {
  await replaceRows('cases', results.map(rowOf), [
    conditions(),
    '',
    '| case | what is done | faults for, load, seed, commit | | figures (what they have to be) |',
    '| --: | --- | --- | --- | --- |',
  ])
  await replace(
    'left out',
    cases.flatMap(({ number, leavesOut }) => (leavesOut ? [`- Case ${number}: ${leavesOut}.`] : [])),
  )
}

/** Puts what became of the mutants into the table of the documentation. */
export async function writeMutants(results: readonly MutantResult[]): Promise<void> {
  const rows = results.map(({ mutant, missed, problem }) => {
    const { name, variant, insteadOf, noticedBy } = mutant
    const verdict =
      problem ?? (missed.length > 0 ? `caught: ${missed.slice(0, 3).join('; ')}` : '**survived**')
    return `| ${name} | ${variant}${insteadOf ? ` (${insteadOf})` : ''} | ${noticedBy} | ${commit()} | ${verdict} |`
  })
  await replaceRows('mutants', rows, [
    conditions(),
    '',
    '| mutant | broken variant | case | commit | |',
    '| --- | --- | --: | --- | --- |',
  ])
}

function rowOf(result: CaseResult): string {
  const { number, name, seed, seconds, cleanRate, figures } = result
  // what it says, without where it was thrown: a row is one line
  const why = result.void?.split('\n')[0]
  const verdict = why !== undefined ? `void: ${why}` : hasPassed(result) ? 'passed' : '**missed**'
  const isZero = (figure: { bar: string; value: string }): boolean =>
    figure.bar === '0' && figure.value === '0'
  const told = figures
    .filter(({ bar, what }) => bar === '–' && (what === 'accepted' || what === 'reruns'))
    .map(({ what, value }) => `${what} ${value}`)
  const bars = figures
    .filter((figure) => figure.bar !== '–' && !isZero(figure))
    .map(({ what, value, bar, ok }) => `${what}: ${ok ? value : `**${value}**`} (${bar})`)
  const seen = [...told, `${figures.filter(isZero).length} figures that must be 0 are 0`, ...bars].join('; ')
  const load = cleanRate > 0 ? `${Math.round(cleanRate / 2)}/s, ` : ''
  return `| ${number} | ${name} | ${Math.round(seconds)} s, ${load}${seed}, ${commit()} | ${verdict} | ${seen} |`
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 10_000,
  }).trim()
}

function conditions(): string {
  const [first] = cpus()
  const machine = `${cpus().length} cores (${first?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`
  return `Last written ${new Date().toISOString().slice(0, 10)}: ${machine}, Node ${process.version.slice(1)}, PostgreSQL 15 with fsync on.`
}

/** Rows that are not among the new ones stay, in order of what stands in their first column. */
async function replaceRows(name: string, rows: readonly string[], head: readonly string[]): Promise<void> {
  const keyOf = (row: string): string => row.split('|')[1]?.trim() ?? ''
  const old = (await read(name)).text.split('\n').filter((line) => /^\| *\d/.test(line))
  const all = new Map([...old, ...rows].map((row) => [keyOf(row), row]))
  const sorted = [...all].toSorted(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  await replace(name, [...head, ...sorted.map(([, row]) => row)])
}

async function replace(name: string, lines: readonly string[]): Promise<void> {
  const { before, after } = await read(name)
  await writeFile(page, `${before}\n\n${lines.join('\n')}\n\n${after}`)
}

async function read(name: string): Promise<{ before: string; text: string; after: string }> {
  const text = await readFile(page, 'utf8')
  const [begin, end] = [`<!-- ${name}: written by npm run chaos -->`, `<!-- ${name}: end -->`]
  const from = text.indexOf(begin) + begin.length
  const to = text.indexOf(end)
  if (from < begin.length || to < from) throw new Error(`${page} has no place for ${name}.`)
  return { before: text.slice(0, from), text: text.slice(from, to), after: text.slice(to) }
}
