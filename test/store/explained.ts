import type { Driver, Runner, Statement } from '../../src/store/driver.ts'

/** What a statement was run with, what came of it, and how it was run. */
export interface Explained<Answer> {
  readonly answer: Answer
  readonly plan: string
  /** Rows that some step of the plan gave, or threw away: the most of them. */
  readonly mostRows: number
}

/** Runs a call that makes one statement, and looks at what that reads. */
export async function explained<Answer>(
  driver: Driver,
  call: (runner: Runner) => Promise<Answer>,
): Promise<Explained<Answer>> {
  let asked: { text: string; values: readonly unknown[] } | undefined
  const watching = Object.assign(Object.create(driver) as Runner, {
    run: (statement: Statement, values: readonly unknown[] = []) => {
      asked = { text: statement.text, values }
      return driver.run(statement, values)
    },
  })
  const answer = await call(watching)
  if (!asked) throw new Error('it made no statement')
  const rows = await driver.run({ text: `explain (analyze, timing off) ${asked.text}` }, asked.values)
  const lines = rows.map((row) => String(row['QUERY PLAN']))
  const counts = [0]
  for (const [at, line] of lines.entries()) {
    const [, given, loops] = /actual rows=([\d.]+) loops=(\d+)/.exec(line) ?? []
    if (given === undefined) continue
    counts.push(Number(given) * Number(loops))
    // Those that a filter took out stand in a line below its step.
    for (const below of lines.slice(at + 1)) {
      if (/actual rows=|never executed/.test(below)) break
      const removed = /Rows Removed by [\w ]+: (\d+)/.exec(below)?.[1]
      if (removed !== undefined) counts.push(Number(removed) * Number(loops))
    }
  }
  return { answer, plan: lines.join('\n'), mostRows: Math.max(...counts) }
}
