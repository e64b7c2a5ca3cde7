import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A way to break the engine that the checker, or a figure of a case, must notice. */
export interface Mutant {
  /** The name of its file. */
  readonly name: string
  /** The broken variant of the bar that it stands for. */
  readonly variant: string
  /** Where the engine has no such part: what is broken in its place, and why that is the nearest. */
  readonly insteadOf?: string
  /** The number of the case whose short form must notice it. */
  readonly noticedBy: number
  readonly changes: readonly Change[]
}

/** Replaces the only occurrence of a text. */
export interface Change {
  /** From the root of the repository; `*.sql` in a folder: the last file there that has the text. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/**
 * The file with the change in it, which is not written.
 * @throws Error that says which change no longer fits
 */
export async function changed(
  { file, find, replace }: Change,
  root: string,
): Promise<{ readonly path: string; readonly text: string }> {
  const found: string[] = []
  for await (const name of glob(file, { cwd: root }))
    if ((await readFile(join(root, name), 'utf8')).includes(find)) found.push(name)
  const last = found.toSorted().at(-1)
  if (last === undefined) throw new Error(`${file} has nothing like ${JSON.stringify(find)}`)
  const path = join(root, last)
  const text = await readFile(path, 'utf8')
  if (text.split(find).length !== 2) throw new Error(`${last} has ${JSON.stringify(find)} more than once`)
  return { path, text: text.replace(find, () => replace) }
}
