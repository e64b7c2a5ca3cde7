import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CasePlayOptions, ChaosCase } from './chaos-case.ts'
import { Endings } from './endings.ts'
import type { Figure } from './figure.ts'
import { Stage, VoidRun, type StageOptions } from './stage.ts'
import { within } from './wait-until.ts'

export interface CaseOptions {
  readonly seed: number
  /** How long faults are made; as the case has it unless given. */
  readonly minutes?: number | undefined
  readonly isShort: boolean
  /** Items a second; half of what is measured unless given. */
  readonly rate?: number | undefined
  /** How long the case may take at all; three times its faults and ten minutes unless given. */
  readonly limitMs?: number
  /** Where the case's histories go: into a folder of its own in it. */
  readonly folder: string
}

export interface CaseResult {
  readonly number: number
  readonly name: string
  readonly seed: number
  readonly seconds: number
  /** Items a second without faults; 0 where none was measured. */
  readonly cleanRate: number
  readonly figures: readonly Figure[]
  /** Why the run says nothing. */
  readonly void?: string
  readonly folder: string
}

/**
 * Plays a case, ends all that it began, and writes its figures beside its histories.
 * @throws Error where it broke, took longer than it may, or left something that could not be ended: a sentence that names it
 */
export async function playCase(chaosCase: ChaosCase, options: CaseOptions): Promise<CaseResult> {
  const { number, name } = chaosCase
  const { seed, isShort } = options
  const seconds =
    isShort && options.minutes === undefined
      ? chaosCase.shortSeconds
      : (options.minutes ?? chaosCase.minutes) * 60
  const folder = join(options.folder, `case-${String(number).padStart(2, '0')}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const endings = new Endings()
  const result = { number, name, seed, seconds, folder }
  // The nodes end with this process; the server would stay.
  const interrupt = (): void => void endings.end().finally(() => process.exit(2))
  for (const signal of signals) process.once(signal, interrupt)
  const limitMs = options.limitMs ?? seconds * 3_000 + 600_000
  let broken: unknown
  let played: Pick<CaseResult, 'figures' | 'cleanRate' | 'void'> | undefined
  try {
    played = await within(
      'it had come to an end',
      limitMs,
      play(chaosCase, { seed, seconds, isShort, folder, rate: options.rate, endings }),
    )
    await writeFile(join(folder, 'figures.json'), `${JSON.stringify(played.figures, undefined, 2)}\n`)
  } catch (error) {
    broken = error
  }
  const left = await endings.end()
  for (const signal of signals) process.off(signal, interrupt)
  if (broken !== undefined || !played || left.length > 0) {
    const why = broken instanceof Error ? broken.message : String(broken)
    const sentences = [...(broken === undefined ? [] : [why]), ...left.map((one) => `Not ended: ${one}`)]
    throw new Error(`Case ${number} (${name}) broke. ${sentences.join(' ')}`, { cause: broken })
  }
  return { ...result, ...played }
}

async function play(
  { play, settings }: ChaosCase,
  options: CasePlayOptions & Pick<StageOptions, 'rate'>,
): Promise<Pick<CaseResult, 'figures' | 'cleanRate' | 'void'>> {
  const stages: Stage[] = []
  try {
    const figures = await play(async (more) => {
      const stage = await Stage.open({ ...options, ...more, settings: { ...settings, ...more?.settings } })
      stages.push(stage)
      return stage
    }, options)
    return { figures, cleanRate: stages[0]?.cleanRate ?? 0 }
  } catch (error) {
    if (error instanceof VoidRun) return { figures: [], cleanRate: 0, void: error.message }
    throw error
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function hasPassed(result: CaseResult): boolean {
  return result.void === undefined && result.figures.every(({ ok }) => ok)
}
