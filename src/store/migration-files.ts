import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

export interface Migration {
  readonly number: number
  /** The name of its file, without the ending: `0001_road`. */
  readonly name: string
  /** `{schema}` stands for the schema's name. */
  readonly text: string
  readonly checksum: string
}

/** The migrations that this release brings along, in order. */
export async function readMigrations(
  directory: URL = new URL('./migrations/', import.meta.url),
): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).toSorted()
  return Promise.all(names.map((name) => readMigration(directory, name)))
}

async function readMigration(directory: URL, fileName: string): Promise<Migration> {
  // a checkout on Windows may have other line ends, which change nothing
  const text = (await readFile(new URL(fileName, directory), 'utf8')).replaceAll('\r\n', '\n')
  return {
    number: Number(fileName.slice(0, 4)),
    name: fileName.slice(0, -'.sql'.length),
    text,
    checksum: createHash('sha256').update(text).digest('hex'),
  }
}
