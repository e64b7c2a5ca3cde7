import type { OpenAct } from '../store/acts.ts'

/** What acts change in one settle, as JSON texts: the arguments of the SQL function `decide_acts`. */
export interface ActRows {
  readonly decided: string[]
  readonly lane: string[]
  readonly broken: string[]
  readonly tracked: string[]
}

/** An act that is applied with the outcome of an item that was in memory. */
export interface AppliedAct {
  readonly act: OpenAct
  /** The state that the item was in. */
  readonly state: string
}

export function emptyActRows(): ActRows {
  return { decided: [], lane: [], broken: [], tracked: [] }
}

/** The arguments of `decide_acts`, or null where there is nothing to decide or change. */
export function actArguments(rows: ActRows): (string | null)[] | null {
  const lists = [rows.decided, rows.lane, rows.broken, rows.tracked]
  if (lists.every((list) => list.length === 0)) return null
  return lists.map((list) => (list.length === 0 ? null : `[${list.join(',')}]`))
}

export function decidedRow(act: OpenAct, verdict: 'applied' | 'refused', state: string): string {
  return JSON.stringify({ id: act.id, verdict, state })
}

/** A change of a lane row. `due`: `kept` as it is, `now`, `none`, or a time in milliseconds. */
export function laneRow(
  row: { readonly id: string; readonly version: number },
  state: string,
  due: 'kept' | 'now' | 'none' | number,
  entry?: string,
): string {
  const { id, version } = row
  const at = typeof due === 'number' ? { due: 'at', due_ms: due } : { due }
  return JSON.stringify({ id, version, state, ...at, entry })
}

const pastOf: Readonly<Record<OpenAct['kind'], string>> = {
  cancel: 'cancelled',
  defer: 'deferred',
  resume: 'resumed',
  requeue: 'requeued',
  edit: 'edited',
  remove: 'removed',
  clone: 'cloned',
  skip: 'skipped',
  release: 'released',
}

/** The line that an act leaves in its item's log: what was done, by whom and why; of an edited payload, what it was before. */
export function actLine(
  act: OpenAct,
  before?: unknown,
  more: Readonly<Record<string, unknown>> = {},
): { id: string; attempt: number; event: string; message: string; data: string } {
  const event = pastOf[act.kind]
  const by = act.operator === null ? '' : ` by ${act.operator}`
  const why = act.reason === null ? '' : `: ${act.reason}`
  return {
    id: act.item,
    attempt: 0,
    event,
    message: `${event}${by}${why}`,
    data: JSON.stringify({
      act: act.id,
      ...(act.operator === null ? {} : { operator: act.operator }),
      ...(act.reason === null ? {} : { reason: act.reason }),
      ...(before === undefined ? {} : { before }),
      ...(before !== undefined && argumentsOf(act).seesSecrets ? { seesSecrets: true } : {}),
      ...more,
    }),
  }
}

/** What the arguments of an act say. */
export interface ActArguments {
  /** The edited input, as JSON. */
  readonly input?: string
  /** Whoever gives the input knows what of the old one is secret. */
  readonly seesSecrets?: true
  /** When a deferred item resumes by itself, in milliseconds. */
  readonly until?: number
}

export function argumentsOf(act: OpenAct): ActArguments {
  return act.arguments === null ? {} : (JSON.parse(act.arguments) as ActArguments)
}
