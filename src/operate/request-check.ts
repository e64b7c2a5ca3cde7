import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { closestName } from '../base/suggestion.ts'
import { readJson } from '../http/json-body.ts'
import type { HttpRequest } from '../http/message.ts'
import { membersOf, type Schema } from './schema.ts'

const maxBytes = 1_000_000

/**
 * The query of a request, checked. A parameter that comes more than once is a list.
 * @throws CoatcheckError `REQUEST_INVALID`
 */
export function readQuery({ query }: HttpRequest, schema: Schema | undefined): unknown {
  const given: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    given[name] = values.length === 1 ? values[0] : values
  }
  return schema ? check({ ...given }, schema, 'the query') : undefined
}

/**
 * The body of a request, checked. One that is not there is an empty object to who expects a body.
 * @throws CoatcheckError `REQUEST_INVALID`, `UNSUPPORTED_MEDIA_TYPE`, `MALFORMED_JSON`, `PAYLOAD_TOO_LARGE`
 */
export async function readBody(request: HttpRequest, schema: Schema | undefined): Promise<unknown> {
  const limits = { maxBytes, what: 'the body', optional: true }
  const body = (await hasBody(request)) ? await readJson(request, limits) : undefined
  return schema ? check(body ?? {}, schema, 'the body') : undefined
}

async function hasBody(request: HttpRequest): Promise<boolean> {
  if (!request.mayHaveBody || request.headers.get('content-length') === '0') return false
  if (request.headers.has('content-type')) return true
  // without a type it has to be empty; a form always has one
  return (await request.readBody(0)) === undefined
}

function check(value: unknown, schema: Schema, what: string): unknown {
  const unknownMembers = findUnknown(value, membersOf(schema), what)
  const { success, data, error } = schema.safeParse(value)
  const problems = [
    ...unknownMembers,
    ...(error?.issues ?? [])
      // told above, with what was probably meant
      .filter(({ code, path }) => code !== 'unrecognized_keys' || path.length > 0)
      .map(({ message, path }) => ({ detail: message, pointer: pointerOf(path) })),
  ]
  if (success && problems.length === 0) return data
  const told = problems.map(({ detail, pointer }) =>
    pointer === '' ? detail : `${pointer.slice(1)}: ${detail}`,
  )
  throw new CoatcheckError('REQUEST_INVALID', `${what} does not fit: ${told.join('; ').slice(0, 2_000)}`, {
    errors: problems.slice(0, 100),
  })
}

/** A member that nobody knows is a mistake of whoever wrote it: a filter that is passed over shows too much. */
function findUnknown(value: unknown, known: readonly string[] | undefined, what: string) {
  if (!known || typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.keys(value)
    .filter((name) => !known.includes(name))
    .slice(0, 20)
    .map((name) => {
      const closest = closestName(name, known)
      const way =
        closest !== undefined
          ? `did you mean ${closest}?`
          : known.length === 0
            ? `${what} takes none`
            : `${what} takes ${known.join(', ')}`
      return { detail: `unknown member ${showValue(name)}; ${way}`, pointer: pointerOf([name]) }
    })
}

/** A JSON Pointer (RFC 6901). */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
