import { hash } from 'node:crypto'
import { CoatcheckError } from '../base/errors.ts'
import { ReadJson, writeJson } from '../base/json.ts'
import { checkKey } from '../base/key.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { RequestContext } from '../define/item.ts'
import type { ServiceRequest } from '../define/request-processor.ts'
import { readOptions, type ReadDebounce, type ReadOptions, type ReadUnique } from './accept-options.ts'
import { writeEntry } from './entry.ts'

/** Who asks for an item, and what for an answer. Only the context is handed on to what its handler enqueues. */
export interface Asker extends RequestContext {
  /** The URL that the item's end is posted to; checked already. */
  readonly callback?: string
}

/** An item that has passed all checks and is not accepted yet. */
export interface Prepared {
  readonly definition: Definition
  readonly key: string | null
  readonly text: string
  readonly due: ReadOptions['due']
  /** Its unique key, with what stands for its payload. */
  readonly unique: (ReadUnique & { readonly digest: string }) | undefined
  readonly debounce: (ReadDebounce & { readonly key: string }) | undefined
  /** What its request processor chooses a queue by, where there is a choice. */
  readonly request: ServiceRequest | undefined
}

/**
 * Checks an input for a definition, as everything that is to be accepted is checked.
 * @param input a value; or {@link ReadJson}, within the definition's `maxPayload`
 * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `KEY_INVALID`, `OPTION_INVALID`
 */
export function prepare(
  definition: Definition,
  input: unknown,
  options: EnqueueOptions,
  asker: Asker | undefined,
): Prepared | Promise<Prepared> {
  const written =
    input instanceof ReadJson
      ? input
      : writeJson(input, {
          maxBytes: definition.maxPayloadBytes,
          what: `the payload of ${definition.name}`,
        })
  const { due, unique, debounce, context: given } = readOptions(options)
  const merged = mergeContext(asker, given)
  // Before a schema sees the value, which might change it.
  const identity = unique && { ...unique, digest: digestOf(written.value) }
  const checked = definition.input['~standard'].validate(written.value)
  if (checked instanceof Promise) return checked.then((result) => finish(result))
  return finish(checked)

  function finish(result: Awaited<typeof checked>): Prepared {
    if (result.issues) throw invalidPayload(definition, result.issues)
    const key = definition.key ? keyOf(definition, result.value) : null
    return {
      definition,
      key,
      text: writeEntry(definition.id, key, written.text, merged, asker?.callback),
      due,
      unique: identity,
      debounce: debounce && { ...debounce, key: debounceKeyOf(definition, debounce.key, key) },
      request: definition.choices && requestOf(definition, result.value, key, merged),
    }
  }
}

/** What asks, and over it what was given; without the callback, which is no part of it. */
function mergeContext(
  asker: Asker | undefined,
  given: RequestContext | undefined,
): RequestContext | undefined {
  if (asker?.callback === undefined) return given && asker ? { ...asker, ...given } : (given ?? asker)
  const { callback: _callback, ...context } = asker
  return { ...context, ...given }
}

function requestOf(
  { name: service, application }: Definition,
  input: unknown,
  key: string | null,
  context: RequestContext = {},
): ServiceRequest {
  return Object.freeze({ input, context, key, service, application })
}

/** What stands for a payload beside its unique key. The order of members says nothing. */
export function digestOf(value: unknown): string {
  return hash('sha256', JSON.stringify(value, sortMembers), 'base64url')
}

function sortMembers(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function debounceKeyOf(definition: Definition, given: string | undefined, key: string | null): string {
  const found = given ?? key
  if (found === null)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `debounce has no key, and ${definition.name} has none either; give debounce: { key, wait }`,
    )
  return found
}

function keyOf(definition: Definition, value: unknown): string {
  let computed: unknown
  try {
    computed = definition.key?.(value)
  } catch (error) {
    throw new CoatcheckError(
      'KEY_INVALID',
      `key of ${definition.name} threw: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
  const key = checkKey(computed)
  if (key === null)
    throw new CoatcheckError(
      'KEY_INVALID',
      `key of ${definition.name} is ${String(computed)} for this input; every item of it needs one, since items of one key run in order`,
    )
  return key
}

type Issues = readonly {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}[]

/** More places than that help nobody, and a payload can have as many as it has members. */
const maxErrors = 100

/** What a schema found, as one error that names the first hundred places. */
export function invalidPayload(definition: Definition, issues: Issues): CoatcheckError {
  const errors = issues
    .slice(0, maxErrors)
    .map((issue) => ({ detail: issue.message, pointer: toPointer(issue.path ?? []) }))
  const told = errors
    .slice(0, 5)
    .map((error) => (error.pointer === '' ? error.detail : `${error.pointer}: ${error.detail}`))
    .join('; ')
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : ''
  return new CoatcheckError(
    'PAYLOAD_INVALID',
    `the payload of ${definition.name} does not fit its schema: ${told}${more}`,
    { errors },
  )
}

function toPointer(path: readonly (PropertyKey | { readonly key: PropertyKey })[]): string {
  return path
    .map(
      (part) =>
        `/${String(typeof part === 'object' ? part.key : part)
          .replaceAll('~', '~0')
          .replaceAll('/', '~1')}`,
    )
    .join('')
}

/** The error of one of many items, saying which. */
export function nameItem(error: CoatcheckError, at: number): CoatcheckError {
  return new CoatcheckError(error.code, `item ${at}: ${error.message}; nothing was accepted`, {
    cause: error,
    ...(error.errors
      ? { errors: error.errors.map((one) => ({ ...one, pointer: `/${at}${one.pointer}` })) }
      : {}),
  })
}
