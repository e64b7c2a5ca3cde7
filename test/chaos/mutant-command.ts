import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeMutants } from './case-table.ts'
import { cases } from './cases.ts'
import type { Figure } from './figure.ts'
import { judgeMutant, type MutantVerdict } from './mutant-verdict.ts'
import { changed, type Mutant } from './mutant.ts'
import { mutants } from './mutants.ts'
import type { CaseResult } from './play-case.ts'

export interface MutantFlags {
  readonly folder: string | undefined
  /** Part of the names of those that are tried; all unless given. */
  readonly only: string | undefined
  /** Whether the table of the documentation is to show what came of it. */
  readonly isWritten: boolean
}

export interface MutantResult extends MutantVerdict {
  readonly mutant: Mutant
}

/** What a case came to, or why it came to nothing. */
type Played = { readonly figures: readonly Figure[] } | { readonly problem: string }

const root = join(import.meta.dirname, '..', '..')
const copied = ['src', 'test/chaos', 'test/store/tcp-proxy.ts', 'scripts', 'package.json']

/**
 * Breaks a copy of the sources, one mutant after the other, and plays the case that must notice; first with the sources as they are.
 * @returns what the process is to end with
 */
export async function runMutants(flags: MutantFlags): Promise<number> {
  const folder = flags.folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-mutants-')))
  await mkdir(folder, { recursive: true })
  const results: MutantResult[] = []
  const controls = new Map<number, Promise<Played>>()
  const controlOf = (number: number): Promise<Played> => {
    const control = controls.get(number) ?? playCopy(number, [], join(folder, `control-${number}`))
    controls.set(number, control)
    return control
  }
  for (const mutant of mutants.filter(({ name }) => name.includes(flags.only ?? ''))) {
    const control = await controlOf(mutant.noticedBy)
    const result = await tryMutant(mutant, control, join(folder, mutant.name))
    results.push(result)
    const { missed, problem } = result
    const verdict = problem ?? (missed.length > 0 ? `caught: ${missed.join('; ')}` : 'SURVIVED')
    console.log(`${mutant.name.padEnd(28)} case ${String(mutant.noticedBy).padEnd(3)} ${verdict}`)
  }
  const caught = results.filter(({ missed, problem }) => problem === undefined && missed.length > 0)
  await writeFile(join(folder, 'mutants.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  if (flags.isWritten) await writeMutants(results)
  console.log(`${caught.length} of ${results.length} mutants caught; histories in ${folder}`)
  return caught.length === results.length && results.length > 0 ? 0 : 1
}

async function tryMutant(mutant: Mutant, control: Played, folder: string): Promise<MutantResult> {
  const inVain = (problem: string): MutantResult => ({ mutant, missed: [], problem })
  if ('problem' in control) return inVain(`VOID, with the sources as they are: ${control.problem}`)
  const played = await playCopy(mutant.noticedBy, mutant.changes, folder)
  if ('problem' in played) return inVain(played.problem)
  return { mutant, ...judgeMutant(control.figures, played.figures) }
}

/** Plays a case on a copy of the sources with these changes. */
async function playCopy(number: number, changes: Mutant['changes'], folder: string): Promise<Played> {
  await rm(folder, { recursive: true, force: true })
  const copy = join(folder, 'copy')
  for (const path of copied) await cp(join(root, path), join(copy, path), { recursive: true })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  try {
    for (const change of changes) {
      const { path, text } = await changed(change, copy)
      await writeFile(path, text)
    }
  } catch (error) {
    return { problem: `DOES NOT APPLY: ${(error as Error).message}` }
  }
  const problem = await play(number, copy, folder)
  await rm(copy, { recursive: true, force: true })
  if (problem !== undefined) return { problem }
  const [result] = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')) as CaseResult[]
  if (!result || result.void !== undefined) return { problem: `VOID: ${result?.void}` }
  return { figures: result.figures }
}

/** Plays the short form of a case on a copy. @returns why it came to no figures, if it did not */
async function play(number: number, copy: string, folder: string): Promise<string | undefined> {
  if (!cases.some((one) => one.number === number)) return `there is no case ${number}`
  const child = spawn(
    process.execPath,
    [
      join(copy, 'scripts', 'chaos.ts'),
      '--case',
      String(number),
      '--short',
      '--seed',
      '1',
      // Little, so that the machine is no reason for what is missed.
      '--rate',
      '400',
      '--folder',
      folder,
    ],
    { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000)
    })
  const [code] = (await once(child, 'close')) as [number | null]
  await writeFile(join(folder, 'output.txt'), output)
  // 0 and 1 are verdicts: all else is a run that broke, which says nothing of what was to be noticed.
  return code === 0 || (code === 1 && output.includes('cases passed'))
    ? undefined
    : `THE RUN BROKE (see ${join(folder, 'output.txt')})`
}
