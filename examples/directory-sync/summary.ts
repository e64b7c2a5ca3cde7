import type { Node } from '../../src/index.ts'
import { newRelease, oldRelease, readRecord } from './records.ts'
import { type Progress, readCodes, readMirror, type Run } from './run.ts'

/** What came of a run. */
export interface Summary extends Progress {
  /** The calls one after the other, each as long as the partner takes. */
  readonly sequentialMs: number
  /** Records that are at the partner as the new release, or where it did not touch them the old one, has them. */
  readonly inStep: number
  readonly codes: number
}

export async function summarise(
  node: Node,
  run: Run,
  progress: Progress,
  latencyMs: number,
): Promise<Summary> {
  const mirror = await readMirror(node, run)
  const codes = await readCodes(node, run)
  // a run of all records has those that are new, and no run leaves a change of its records out
  const inStep = codes.filter((code) => isSame(mirror.get(code), readRecord({ code, release: newRelease })))
  return {
    ...progress,
    sequentialMs: progress.accepted * latencyMs,
    inStep: inStep.length,
    codes: codes.length,
  }
}

function isSame(one: Named | undefined, other: Named | undefined): boolean {
  return one?.name === other?.name && one?.parent === other?.parent
}

interface Named {
  readonly name: string
  readonly parent: string
}

export function showSummary(run: Run, summary: Summary): string {
  const { accepted, succeeded, retried, broken, own, wallMs, sequentialMs, inStep, codes } = summary
  const others = succeeded - own
  const shares = others > 0 && own > 0 ? ` (${show(own)} here, ${show(others)} elsewhere or before)` : ''
  return `Run ${run.number} is over: ${show(run.records)} records of iso-3166 ${oldRelease}, then ${show(run.changes)} changes of ${newRelease}
  accepted    ${show(accepted)}
  succeeded   ${show(succeeded)}${shares}
  retried     ${show(retried)}
  broken      ${show(broken)}
  wall time   ${showTime(wallMs)} (one after the other: ${showTime(sequentialMs)})
  in step     ${show(inStep)} of ${show(codes)} records are at the partner as they are in ${newRelease}`
}

export function showProgress({ accepted, succeeded, retried, broken, wallMs }: Progress): string {
  const rate = wallMs > 0 ? Math.round(succeeded / (wallMs / 1000)) : 0
  return `${show(succeeded)} of ${show(accepted)} done, ${rate} a second, ${show(retried)} retried, ${show(broken)} broken`
}

function show(value: number): string {
  return value.toLocaleString('en-US')
}

function showTime(milliseconds: number): string {
  const seconds = milliseconds / 1000
  return seconds < 120
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
