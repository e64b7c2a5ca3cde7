import type { Row, Statement } from './driver.ts'
import { toParameter } from './pg-parameter.ts'

type Parse = (text: string) => unknown

const parserOfType = new Map<number, Parse>([
  [16, (text) => text === 't'],
  [21, Number],
  [23, Number],
  [701, Number],
])

/** The connection of a `pg` client, as far as it offers it to submittables such as pg-cursor. */
export interface PgConnection {
  readonly parsedStatements: Record<string, string | undefined>
  readonly submittedNamedStatements: Record<string, string | undefined>
  readonly stream: { cork?(): void; uncork?(): void }
  parse(message: { text: string; name: string }): void
  bind(message: { statement: string; values: readonly unknown[] }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: { portal: string }): void
  sync(): void
  sendCopyFail(reason: string): void
}

/**
 * One of our own statements, on its way through a `pg` client (what `pg` calls a submittable). Compared with `pg`'s Query it
 * has the row types of {@link Row}, and can send COMMIT behind the statement under one Sync: if the statement fails, or never
 * gets sent, the server does not even see the COMMIT.
 */
export class PgCall {
  readonly text: string
  readonly name: string
  /** What errors call it, sent under its name or not. */
  readonly told: string
  callback: (error: unknown, rows: Row[]) => void = () => {}
  /** The tags of the commands that were completed, e.g. `INSERT 0 1`, `COMMIT`. */
  readonly tags: string[] = []
  readonly #values: readonly unknown[]
  readonly #commit: boolean
  readonly #rows: Row[] = []
  #names: string[] = []
  #parsers: (Parse | undefined)[] = []
  #ended = false

  /**
   * @param commit whether COMMIT follows in the same round trip
   * @throws TypeError on a value that cannot be a parameter; nothing has been sent then
   */
  constructor(statement: Statement, values: readonly unknown[] = [], prepared = true, commit = false) {
    this.text = statement.text
    this.name = (prepared && statement.name) || ''
    this.told = statement.name ?? ''
    this.#values = values.map(toParameter)
    this.#commit = commit
  }

  submit(connection: PgConnection): Error | null {
    const known = this.name
      ? (connection.parsedStatements[this.name] ?? connection.submittedNamedStatements[this.name])
      : undefined
    if (known !== undefined && known !== this.text)
      return new Error(`The name "${this.name}" stands for two different statements`)
    // one packet instead of six
    connection.stream.cork?.()
    try {
      if (known === undefined) {
        connection.parse({ text: this.text, name: this.name })
        if (this.name) connection.submittedNamedStatements[this.name] = this.text
      }
      connection.bind({ statement: this.name, values: this.#values })
      connection.describe({ type: 'P', name: '' })
      connection.execute({ portal: '' })
      if (this.#commit) {
        connection.parse({ text: 'commit', name: '' })
        connection.bind({ statement: '', values: [] })
        connection.execute({ portal: '' })
      }
      connection.sync()
    } finally {
      connection.stream.uncork?.()
    }
    return null
  }

  handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#names = message.fields.map((field) => field.name)
    this.#parsers = message.fields.map((field) => parserOfType.get(field.dataTypeID))
  }

  handleDataRow(message: { fields: readonly (string | null)[] }): void {
    const row: Row = {}
    const names = this.#names
    for (let index = 0; index < names.length; index++) {
      const text = message.fields[index] ?? null
      const parse = this.#parsers[index]
      row[names[index] as string] = text === null || parse === undefined ? text : parse(text)
    }
    this.#rows.push(row)
  }

  handleCommandComplete(message: { text: string }): void {
    this.tags.push(message.text)
  }

  handleReadyForQuery(): void {
    this.#end(null)
  }

  handleError(error: unknown): void {
    this.#end(error)
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('COPY has no source here')
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  #end(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.callback(error, this.#rows)
  }
}
