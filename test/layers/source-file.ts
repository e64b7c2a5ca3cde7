/** A file of src/ or console/ as the rules see it. */
export interface SourceFile {
  /** From the repository's root, with slashes: `src/store/driver.ts`. */
  path: string
  lines: number
  imports: readonly Import[]
}

export interface Import {
  /** As written: `../base/ids.ts`, `node:fs`, `hono/cors`. */
  specifier: string
  /** Erased before the program runs: `import type`, `export type … from`, `typeof import()`. */
  typeOnly: boolean
}

export function readSource(path: string, text: string): SourceFile {
  return { path, lines: text.replace(/\n$/, '').split('\n').length, imports: readImports(text) }
}

/**
 * Finds imports by their text (TypeScript 7 has no parser to ask). Statements begin their line, which the formatter
 * sees to, so an example in a comment (` * import …`) is none.
 */
function readImports(text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[\w*{][^'"`;]*?\sfrom\s+|)(['"])([^'"\n]+)\2/gm,
  )
  const code = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
  const calls = code.matchAll(/(typeof\s+)?\b(?:import|require)\(\s*(['"])([^'"\n]+)\2\s*[,)]/g)
  return [...statements, ...calls].flatMap(([, type, , specifier]) =>
    specifier === undefined ? [] : [{ specifier, typeOnly: type !== undefined }],
  )
}

/** The file that a relative import leads to; undefined for a library. */
export function targetOf(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const base = new URL(file.path, 'file:///root/')
  return new URL(specifier, base).pathname.replace(/^\/root\//, '')
}

/** The library of an import, as its package.json names it: `@hono/node-server` of `@hono/node-server/serve-static`. */
export function libraryOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
