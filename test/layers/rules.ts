import { libraryOf, targetOf, type SourceFile } from './source-file.ts'

/** Each rule returns its findings, a sentence each; none means that the tree keeps it. */
export type Rule = (files: readonly SourceFile[]) => string[]

/**
 * The rooms from left to right: a room imports from itself and from the columns to its left, never from a room
 * beside it.
 */
const columns = [
  ['base'],
  ['define', 'store'],
  ['stream'],
  ['engine'],
  ['connect', 'schedule', 'import'],
  ['http', 'listen', 'defaults'],
  ['operate'],
  ['node'],
  ['index', 'cli', 'testing'],
]

/** Rooms beside the road: what each of them imports from. The last two columns may import from them. */
const sideRooms: Readonly<Record<string, readonly string[]>> = {
  client: ['base', 'define'],
  tx: ['base', 'define'],
  observe: ['base'],
}

const reach = new Map<string, ReadonlySet<string>>(
  columns.flatMap((rooms, column) => {
    const left = columns.slice(0, column).flat()
    const side = column >= columns.length - 2 ? Object.keys(sideRooms) : []
    return rooms.map((room) => [room, new Set([room, ...left, ...side])] as const)
  }),
)
for (const [room, others] of Object.entries(sideRooms)) reach.set(room, new Set([room, ...others]))

/** `store` of `src/store/driver.ts`, `node` of `src/node.ts`. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+?)(?:\.ts$|\/)/.exec(path)?.[1]
}

export const importsPointLeft: Rule = (files) =>
  files.flatMap((file) => {
    const room = roomOf(file.path)
    if (room === undefined) return []
    const allowed = reach.get(room)
    if (!allowed) return [`${file.path}: the room ${room} is not in the table of test/layers/rules.ts`]
    return file.imports.flatMap(({ specifier }) => {
      const target = targetOf(file, specifier)
      if (target === undefined) return []
      const other = roomOf(target)
      if (other !== undefined && allowed.has(other)) return []
      return [`${file.path}: ${room} must not import ${target}`]
    })
  })

/** Cycles of type imports are harmless; a cycle of values sees a module before it is filled. */
export const noValueCycles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const finished = new Set<string>()
  const findings: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) findings.push(`import cycle: ${[...trail.slice(start), path].join(' → ')}`)
    if (start >= 0 || finished.has(path)) return
    for (const target of valueTargets(byPath.get(path))) visit(target, [...trail, path])
    finished.add(path)
  }
  for (const file of files) visit(file.path, [])
  return findings
}

function valueTargets(file: SourceFile | undefined): string[] {
  return (file?.imports ?? []).flatMap(({ specifier, typeOnly }) => {
    const target = file && !typeOnly ? targetOf(file, specifier) : undefined
    return target === undefined ? [] : [target]
  })
}

/** The notations that every room may write schemas in. */
const everywhere = new Set(['zod', '@standard-schema/spec'])

/**
 * One file imports a library, so that one file changes with it. Its types may be named in the same room, which the
 * objects that it makes pass through.
 */
export const oneFileALibrary: Rule = (files) => {
  const uses = files.flatMap((file) =>
    file.imports.flatMap(({ specifier, typeOnly }) => {
      const library = libraryOf(specifier)
      return library === undefined || everywhere.has(library) ? [] : [{ library, file: file.path, typeOnly }]
    }),
  )
  const libraries = [...new Set(uses.map(({ library }) => library))].sort()
  return libraries.flatMap((library) => {
    const mine = uses.filter((use) => use.library === library)
    const values = [...new Set(mine.filter(({ typeOnly }) => !typeOnly).map(({ file }) => file))]
    const rooms = [...new Set(mine.map(({ file }) => roomOf(file) ?? file))]
    if (values.length > 1) return [`${library} is imported in ${values.length} files: ${values.join(', ')}`]
    if (rooms.length > 1) return [`${library} is known in ${rooms.length} rooms: ${rooms.join(', ')}`]
    return []
  })
}

/** Web applications and browsers load these rooms. */
const browserRooms = ['define', 'client']
/** Libraries that need nothing of Node. */
const runsInBrowsers = new Set([...everywhere, 'eventsource-parser'])

export const browserRoomsLeaveNodeAlone: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const cameFrom = new Map<string, string>()
  const findings: string[] = []
  const visit = (file: SourceFile, entry: string) => {
    if (cameFrom.has(file.path)) return
    cameFrom.set(file.path, entry)
    const inside = browserRooms.includes(roomOf(file.path) ?? '')
    for (const { specifier, typeOnly } of file.imports) {
      const target = targetOf(file, specifier)
      const next = target === undefined ? undefined : byPath.get(target)
      if (next && !typeOnly) visit(next, entry)
      // A type of Node in a room for browsers would still send their compiler to look for Node's types.
      if (target === undefined && (inside || !typeOnly) && !runsInBrowsers.has(libraryOf(specifier) ?? ''))
        findings.push(`${file.path} imports ${specifier}, and ${entry} runs in browsers`)
    }
  }
  for (const file of files) if (browserRooms.includes(roomOf(file.path) ?? '')) visit(file, file.path)
  return findings
}

/** The console is another program, in a browser: it knows what the node sends, and runs nothing of the node. */
export const consoleKnowsTypesAlone: Rule = (files) =>
  files
    .filter(({ path }) => path.startsWith('console/'))
    .flatMap((file) =>
      file.imports.flatMap(({ specifier, typeOnly }) => {
        const target = targetOf(file, specifier)
        const isForeign =
          target === undefined ? specifier.startsWith('node:') : !target.startsWith('console/')
        return isForeign && !typeOnly ? [`${file.path} imports values of ${specifier}`] : []
      }),
    )

const maxLines = 400

export const filesAreShort: Rule = (files) =>
  files.flatMap(({ path, lines }) =>
    lines > maxLines ? [`${path} has ${lines} lines, more than ${maxLines}`] : [],
  )

const emptyNames = /(?:^|\/)(?:utils?|helpers?|common|types?)(?:\.[^/]*)?(?=\/|$)/

export const namesSayWhatIsInside: Rule = (files) =>
  files.flatMap(({ path }) => (emptyNames.test(path) ? [`${path}: the name does not say what it holds`] : []))
