import { hrefOf } from '../state/router.ts'

/** What a searched text can mean. */
export interface SearchGuess {
  readonly what: string
  readonly href: string
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Keys are rarely sentences. */
const oneWord = /^\S{1,200}$/

/** The likeliest first: what looks like an id is one, one word is a key, several are text. */
export function guessSearch(typed: string): readonly SearchGuess[] {
  const text = typed.trim()
  if (text === '') return []
  const items = (name: string, what: string): SearchGuess => ({
    what,
    href: hrefOf(['items'], { [name]: text }),
  })
  const key = items('key', 'Items of the key')
  const free = items('text', 'Items with the text')
  const correlation = items('correlationId', 'Items of the correlation id')
  if (uuid.test(text))
    return [
      { what: 'The item with the id', href: hrefOf(['items', text.toLowerCase()]) },
      correlation,
      key,
      free,
    ]
  const prefix = items('keyPrefix', 'Keys that begin with')
  return oneWord.test(text) ? [key, free, prefix, correlation] : [free, key, prefix]
}
