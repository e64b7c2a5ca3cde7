import { z } from './schema.ts'

/** Why an operator does something, in its own words. */
export const reasonSchema = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'is no text')
  .optional()
  .describe('Why; it stands in the audit, and of an act on an item in its log')
