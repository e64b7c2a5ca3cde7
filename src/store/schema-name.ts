import { CoatcheckError } from '../base/errors.ts'

/**
 * The schema's name as it stands in SQL.
 * @throws CoatcheckError `OPTION_INVALID` for all but plain identifiers: the name gets into statements as text
 */
export function quotedSchema(schema: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw new CoatcheckError(
      'OPTION_INVALID',
      `The schema "${schema}" is no plain identifier; use small letters, digits and _, at most 63, not beginning with a digit`,
    )
  return `"${schema}"`
}
