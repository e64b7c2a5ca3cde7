import type { RunSettings } from './chaos-run.ts'
import type { Figure } from './figure.ts'
import type { Stage, StageOptions } from './stage.ts'

/** A case of the bar: what is done to the nodes and the database, and what has to hold meanwhile. */
export interface ChaosCase {
  readonly number: number
  readonly name: string
  /** How long faults are made, where nothing else is asked for: as the bar has it, and in the short form. */
  readonly minutes: number
  readonly shortSeconds: number
  readonly settings?: Partial<RunSettings>
  /** What of the bar is not held against, or otherwise. */
  readonly leavesOut?: string
  readonly play: CasePlay
}

/** Plays on a stage that it opens with more options, if it has any. @returns the figures */
export type CasePlay = (
  open: (more?: StageMore) => Promise<Stage>,
  options: CasePlayOptions,
) => Promise<Figure[]>

/** `endings`: what is to be ended with the case, however it goes. */
export type CasePlayOptions = Pick<StageOptions, 'seed' | 'seconds' | 'isShort' | 'folder' | 'endings'>

type StageMore = Pick<
  StageOptions,
  'behindNetwork' | 'route' | 'serverFolder' | 'serverSettings' | 'settings'
>
