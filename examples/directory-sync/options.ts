import { parseArgs } from 'node:util'

export const usage = `Usage: npm start -- [options]

Keeps a slow partner system in step with ISO 3166-2, on an embedded database or on DATABASE_URL.

  --all                all 5,133 records in place of the first 1,000
  --records <number>   so many records
  --fresh              begin another run where there is one
  --once               end after the summary
  --quiet              no progress
  --port <number>      where to listen: 3000 unless set, or a free port where that is taken
  --directory <path>   where the embedded database lives: .coatcheck/directory-sync unless set
  --partner-port <number>, --latency <milliseconds>   of the partner: 3999 and 500 unless set`

export interface Options {
  /** Undefined for all. */
  readonly limit: number | undefined
  readonly fresh: boolean
  readonly once: boolean
  readonly quiet: boolean
  readonly port: number | undefined
  readonly directory: string
  readonly partnerPort: number
  readonly latencyMs: number
}

/** @throws Error that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      all: { type: 'boolean', default: false },
      records: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      once: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      port: { type: 'string' },
      directory: { type: 'string', default: '.coatcheck/directory-sync' },
      'partner-port': { type: 'string', default: '3999' },
      latency: { type: 'string', default: '500' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    limit: values.all ? undefined : wholeNumber('records', values.records ?? '1000', 1, 1_000_000),
    fresh: values.fresh,
    once: values.once,
    quiet: values.quiet,
    port: values.port === undefined ? undefined : wholeNumber('port', values.port, 0, 65_535),
    directory: values.directory,
    partnerPort: wholeNumber('partner-port', values['partner-port'], 0, 65_535),
    latencyMs: wholeNumber('latency', values.latency, 0, 60_000),
  }
}

function wholeNumber(name: string, text: string, from: number, to: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= from && value <= to) return value
  throw new Error(`--${name} is '${text}'; write a whole number from ${from} to ${to}`)
}
