import { RegExpRouter } from 'hono/router/reg-exp-router'

/** What stands at a path, and the parameters of the path. */
export interface FoundPath<T> {
  readonly value: T
  readonly params: Readonly<Record<string, string>>
}

/** What the router gives: values with where their parameters stand, and the parameters behind the whole. */
type Match<T> = readonly [readonly (readonly [T, Readonly<Record<string, number>>])[], readonly string[]]

/** Finds what stands at a path. One that is written out, as `/items/counts`, comes before `/items/:id`. */
export class PathTable<T> {
  /** Apart: the router takes none of these beside a parameter in the same place. */
  readonly #written = new Map<string, T>()
  readonly #router = new RegExpRouter<T>()

  /** @param path with `:name` for a part that is a parameter */
  add(path: string, value: T): void {
    if (path.includes('/:')) this.#router.add('ALL', path, value)
    else this.#written.set(path, value)
  }

  /** @param path decoded once as a URI; its parameters are decoded the rest of the way */
  find(path: string): FoundPath<T> | undefined {
    const written = this.#written.get(path)
    if (written !== undefined) return { value: written, params: {} }
    const [[found], texts] = this.#router.match('ALL', path) as Match<T>
    if (!found) return undefined
    const [value, places] = found
    const params: Record<string, string> = Object.create(null) as Record<string, string>
    for (const [name, place] of Object.entries(places)) params[name] = decodePart(texts[place] ?? '')
    return { value, params }
  }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
