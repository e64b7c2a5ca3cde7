import type { Declared } from './declared.ts'
import { declare } from './declared.ts'
import type { QueueProcessor } from './queue-processor.ts'
import type { RequestProcessor } from './request-processor.ts'
import type { Service } from './service.ts'

/** Anything that `define*` makes for an application. */
// the members stand in both places of the types, so only `any` lets every definition in
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyDefinition = QueueProcessor<any, any> | Service<any, any> | RequestProcessor<any>

export interface ApplicationOptions<
  Name extends string,
  Definitions extends readonly AnyDefinition[],
  Uses extends readonly AnyApplication[],
> {
  /** Lower-case letters, digits and hyphens, at most 63, a letter first. Part of the HTTP paths of its services. */
  readonly name: Name
  readonly definitions: Definitions
  /** Applications below this one: its definitions override theirs of the same kind and name. */
  readonly uses?: Uses
}

/** A named set of definitions. It knows their types, for clients. */
export interface Application<
  Name extends string = string,
  Definitions extends readonly AnyDefinition[] = readonly AnyDefinition[],
  Uses extends readonly AnyApplication[] = readonly AnyApplication[],
> extends Declared {
  readonly kind: 'application'
  readonly name: Name
  /** For the type checker only. */
  readonly ' definitions'?: { readonly own: Definitions; readonly uses: Uses }
}

export type AnyApplication = Application<string, readonly AnyDefinition[], readonly AnyApplication[]>

/**
 * Defines an application: a named set of definitions. Never throws; `createNode` reports all problems at once.
 * @example const hr = defineApplication({ name: 'hr', definitions: [provision, hireWorker] })
 * @example const hrOfBerlin = defineApplication({ name: 'hr-berlin', definitions: [ownProvision], uses: [hr] })
 */
export function defineApplication<
  const Name extends string,
  const Definitions extends readonly AnyDefinition[],
  const Uses extends readonly AnyApplication[] = readonly [],
>(options: ApplicationOptions<Name, Definitions, Uses>): Application<Name, Definitions, Uses>
export function defineApplication(options: unknown): unknown {
  return declare('application', options, {})
}
