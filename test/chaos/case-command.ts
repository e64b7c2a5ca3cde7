import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTable } from './case-table.ts'
import { cases } from './cases.ts'
import { hasPassed, playCase, type CaseResult } from './play-case.ts'

export interface CaseFlags {
  /** All unless given. */
  readonly numbers: readonly number[] | undefined
  readonly minutes: number | undefined
  readonly isShort: boolean
  readonly seed: number | undefined
  /** Items a second, for a look at a case; half of what is measured unless given. */
  readonly rate: number | undefined
  readonly folder: string | undefined
  /** Whether the table of the documentation is to show what came of it. */
  readonly isWritten: boolean
}

/** Plays cases one after the other and prints their figures. @returns what the process is to end with */
export async function runCases(flags: CaseFlags): Promise<number> {
  const { numbers, minutes, isShort } = flags
  const unknown = numbers?.filter((number) => !cases.some((one) => one.number === number)) ?? []
  if (unknown.length > 0) {
    console.error(
      `There is no case ${unknown.join(', ')}; there are ${cases.map(({ number }) => number).join(', ')}.`,
    )
    return 2
  }
  const folder = flags.folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-chaos-')))
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 31)
  const results: CaseResult[] = []
  for (const one of cases.filter(({ number }) => numbers?.includes(number) ?? true)) {
    // One that breaks says nothing, and keeps no other from being played.
    const result = await playCase(one, { seed, minutes, isShort, folder, rate: flags.rate }).catch(
      (error: unknown): CaseResult => ({
        number: one.number,
        name: one.name,
        seed,
        seconds: 0,
        cleanRate: 0,
        figures: [],
        void: (error as Error).stack ?? String(error),
        folder,
      }),
    )
    results.push(result)
    report(result)
  }
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  if (flags.isWritten) await writeTable(results)
  const missed = results.filter((result) => !hasPassed(result))
  console.log(`\n${results.length - missed.length} of ${results.length} cases passed; histories in ${folder}`)
  return missed.length > 0 ? 1 : 0
}

function report(result: CaseResult): void {
  const { number, name, seed, seconds, cleanRate, figures } = result
  console.log(`\ncase ${number}: ${name}`)
  console.log(`  seed ${seed}, ${seconds} s of faults, clean rate ${Math.round(cleanRate)} items/s`)
  if (result.void) console.log(`  VOID: ${result.void}`)
  for (const { what, value, bar, ok } of figures)
    console.log(`  ${ok ? ' ' : '✗'} ${what.padEnd(62)} ${value.padStart(14)}  ${bar}`)
  console.log(`  ${hasPassed(result) ? 'passed' : 'MISSED'}; history in ${result.folder}`)
}
