import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { findTxLibrary, type TxLibrary, toMembers } from '../base/tx-library.ts'

/** @throws CoatcheckError `OPTION_INVALID` unless the value is a transaction of the library */
export function expectTransaction(name: TxLibrary['name'], value: unknown): void {
  const found = findTxLibrary(value)
  const members = toMembers(value)
  if (found?.name === name && members && found.isTransaction(members)) return
  throw new CoatcheckError(
    'OPTION_INVALID',
    `from${name} takes a ${name} transaction, and this is ${describe(name, value, found)}`,
  )
}

function describe(name: string, value: unknown, found: TxLibrary | undefined): string {
  if (!found) return showValue(value)
  if (found.name === name) return `a whole ${name} database; give it the one that ${found.begin} passes on`
  return `an object of ${found.name}; use ${found.wrapper}`
}
