import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import type { Claim, Figure } from './claim.ts'
import { median, ratio, type Measured } from './rounds.ts'

const readme = new URL('README.md', import.meta.url)
const [begin, end] = ['<!-- results: written by npm run bench -- --write -->', '<!-- end of results -->']

/** The results as Markdown: a table a claim, then the conditions. */
export function writeReport(
  measured: readonly Measured[],
  conditions: readonly string[],
  rounds: number,
): string {
  const claims = [...new Set(measured.map((one) => one.claim))]
  const parts = claims.map((claim) =>
    writeClaim(
      claim,
      measured.filter((one) => one.claim === claim),
    ),
  )
  const about = rounds === 1 ? 'One round.' : `Medians of ${rounds} rounds, with the lowest and the highest.`
  return [...parts, `## Conditions\n\n${about}\n\n${conditions.map((line) => `- ${line}`).join('\n')}`].join(
    '\n\n',
  )
}

/** The machine, the versions and the server's settings. */
export async function describeConditions(server: readonly string[]): Promise<string[]> {
  const processor = cpus()[0]?.model ?? 'unknown processor'
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(', ')
  return [
    new Date().toISOString().slice(0, 10),
    `${availableParallelism()} processors (${processor}), ${memory}, ${process.platform}; load average at the start ${load}`,
    `Node ${process.versions.node}, coatcheck ${await versionOf('../package.json')}, ` +
      `graphile-worker ${await versionOf('../node_modules/graphile-worker/package.json')}`,
    `PostgreSQL on the same machine, over TCP: ${server.join(', ')}`,
    'Producer and worker are processes of their own, and each measurement has fresh ones and a database of its own.',
    'An item is about 100 bytes of JSON, 60 random characters among them; the schemas take everything.',
  ]
}

/** Puts the results into bench/README.md, between its marks. */
export async function writeReadme(report: string): Promise<void> {
  const text = await readFile(readme, 'utf8')
  const [head, rest] = text.split(begin)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined)
    throw new Error(`bench/README.md lacks the marks ${begin} and ${end}`)
  await writeFile(readme, `${head}${begin}\n\n${report}\n\n${end}${tail}`)
}

function writeClaim(claim: Claim, measured: readonly Measured[]): string {
  const rows = measured.map((one) => {
    const { measure, figure } = one
    const title = measure.figures.length > 1 ? `${measure.title}, ${figure.name}` : measure.title
    return [title, spread(one.coatcheck, figure), spread(one.peer, figure), times(one), bar(one)]
  })
  const settings = [...new Map(measured.map((one) => [one.measure.title, one.measure])).values()].map(
    ({ title, coatcheck, peer }) =>
      `- ${title}: coatcheck ${coatcheck.conditions}; ${claim.peer} ${peer.conditions}`,
  )
  const unit = measured[0]?.figure.unit ?? ''
  return `## ${claim.title}\n\n${claim.how}\n\n${table([['', `coatcheck, ${unit}`, `${claim.peer}, ${unit}`, 'ratio', 'bar'], ...rows])}\n\n${settings.join('\n')}`
}

function spread(values: readonly number[], { unit }: Figure): string {
  const show = (value: number) => (unit === 'ms' ? value.toFixed(2) : Math.round(value).toLocaleString('en'))
  if (values.length === 1) return show(values[0]!)
  return `${show(median(values))} (${show(Math.min(...values))} – ${show(Math.max(...values))})`
}

function times(one: Measured): string {
  const found = ratio(one)
  return `${found.toFixed(found < 1 ? 2 : 1)}×`
}

function bar(one: Measured): string {
  if (one.figure.bar === undefined) return ''
  return `≥ ${one.figure.bar}×: ${ratio(one) >= one.figure.bar ? 'met' : 'missed'}`
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [head, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

async function versionOf(file: string): Promise<string> {
  return (JSON.parse(await readFile(new URL(file, import.meta.url), 'utf8')) as { version: string }).version
}
