import { CoatcheckError } from '../../src/base/errors.ts'
import { engineOf, type Node } from '../../src/node.ts'
import type { Row, Statement } from '../../src/store/driver.ts'

type Proceed = () => Promise<Row[]>

/**
 * Stands between a node and its database: sees each of our own statements by its name and may delay it, refuse it or lose
 * its answer. The statement runs on the real database all the same.
 * @returns goes out of the way
 */
export function intercept(
  node: Node,
  see: (name: string, proceed: Proceed, values: readonly unknown[]) => Promise<Row[]>,
): () => void {
  const { driver } = engineOf(node).database
  const run = driver.run.bind(driver)
  driver.run = (statement: Statement, values = [], options) =>
    see(nameOf(statement), () => run(statement, values, options), values)
  return () => {
    driver.run = run
  }
}

function nameOf(statement: Statement): string {
  return (statement.name ?? '').replace(/_[0-9a-f]{12}$/, '')
}

/** What the driver throws where the connection was lost before the answer came. */
export function answerLost(): Error {
  return Object.assign(
    new CoatcheckError('DATABASE_UNREACHABLE', 'the connection was lost (a test did it)'),
    {
      ambiguous: true,
    },
  )
}

/** What the driver throws where nothing was sent. */
export function unreachable(): Error {
  return new CoatcheckError('DATABASE_UNREACHABLE', 'the database is away (a test did it)')
}
