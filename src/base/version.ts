import { CoatcheckError } from './errors.ts'

/** The version of this package, as nodes enter it into their row. A test holds it against package.json. */
export const packageVersion = '0.1.0'

/** The oldest release of Node that has what we use, as package.json says it. */
const oldestNode = [22, 18] as const

/**
 * Refuses to run where it would fail later, over something that does not say why.
 * @throws CoatcheckError `CONFIG_INVALID`
 */
export function checkNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  throw new CoatcheckError(
    'CONFIG_INVALID',
    `this is Node ${version}; Coatcheck needs ${oldestNode.join('.')} or newer`,
  )
}
