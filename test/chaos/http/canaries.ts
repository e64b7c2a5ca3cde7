import { randomBytes } from 'node:crypto'

/** Something that must not be found, under the name that a report calls it by. */
export interface Canary {
  readonly name: string
  /** What is secret: each of them. */
  readonly values: readonly string[]
}

/** A secret of a shape that something may trip over, and its place in a payload. */
export interface SecretShape extends Canary {
  readonly pointer: string
  /** The member of the payload that holds it. */
  readonly member: readonly [name: string, value: unknown]
}

/** Twenty shapes, each with values of its own. */
export function makeShapes(random: () => number): SecretShape[] {
  const word = (): string => `cnry${Math.floor(random() * 2 ** 52).toString(36)}`
  const plain = (name: string, value: string): SecretShape => {
    return { name, pointer: `/${name}`, member: [name, value], values: [value] }
  }
  const [deep, first, second, card, other, inner, slash, tilde] = Array.from({ length: 8 }, word) as Words
  const number = 10 ** 15 + Math.floor(random() * 10 ** 15)
  const fraction = -(10 ** 6) - Math.floor(random() * 10 ** 9) / 1_000
  return [
    plain('word', word()),
    plain('quotes', `${word()}"'\\${word()}`),
    plain('lines', `${word()}\n\t${word()}\r\n`),
    plain('letters', `${word()} ключ 🔑 é`),
    plain('digits', `${Math.floor(random() * 900) + 100}-45-${Math.floor(random() * 9_000) + 1_000}`),
    plain('long', Array.from({ length: 400 }, word).join(' ')),
    plain(
      'pem',
      `-----BEGIN PRIVATE KEY-----\n${randomBytes(600).toString('base64')}\n-----END PRIVATE KEY-----\n`,
    ),
    plain('token', `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(word()).toString('base64url')}.${word()}`),
    plain('url', `https://ada:${word()}@erp.example/?key=${word()}&x=%20`),
    plain('base64', `${randomBytes(24).toString('base64')}+/==`),
    plain('markup', `<b>${word()}</b>&amp;`),
    plain('json', JSON.stringify({ [word()]: [word()] })),
    plain('pattern', `$&\${${word()}}.*%s(?<!x)[`),
    { name: 'whole number', pointer: '/whole', member: ['whole', number], values: [String(number)] },
    { name: 'fraction', pointer: '/fraction', member: ['fraction', fraction], values: [String(fraction)] },
    { name: 'deep', pointer: '/a/b/0/c', member: ['a', { b: [{ c: deep }] }], values: [deep] },
    { name: 'elements', pointer: '/list/*', member: ['list', [first, second]], values: [first, second] },
    {
      name: 'members of elements',
      pointer: '/cards/*/number',
      member: ['cards', [{ number: card }, { number: other, of: 'ada' }]],
      values: [card, other],
    },
    { name: 'object', pointer: '/object', member: ['object', { of: { it: inner } }], values: [inner] },
    {
      name: 'names with strokes and tildes',
      pointer: '/x~1y~0z/*',
      member: ['x/y~z', [slash, tilde]],
      values: [slash, tilde],
    },
  ]
}

type Words = [string, string, string, string, string, string, string, string]

/** A payload with all of them. */
export function payloadOf(shapes: readonly SecretShape[]): Record<string, unknown> {
  return Object.fromEntries(shapes.map(({ member }) => member))
}

/** Finds canaries, however they are written. */
export class CanaryHunt {
  readonly #forms: readonly { readonly name: string; readonly form: string }[]
  /** What was found where, in sentences. */
  readonly found: string[] = []
  /** Characters looked through. */
  searched = 0

  constructor(canaries: readonly Canary[]) {
    this.#forms = canaries.flatMap(({ name, values }) =>
      values.flatMap((value) => formsOf(value).map((form) => ({ name, form }))),
    )
  }

  /** How many of the canaries have been found. */
  get names(): number {
    return new Set(this.found.map((one) => one.split(' in ')[0])).size
  }

  look(where: string, text: string): void {
    this.searched += text.length
    for (const { name, form } of this.#forms) if (text.includes(form)) this.found.push(`${name} in ${where}`)
  }
}

/** A part of a long one gives most of it away. */
const pieceLength = 200

function formsOf(value: string): string[] {
  const quoted = JSON.stringify(value).slice(1, -1)
  const bytes = Buffer.from(value)
  const markup = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const all = [value, quoted, JSON.stringify(quoted).slice(1, -1), encodeURIComponent(value), markup]
  all.push(bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'))
  return [...new Set(all)].map((form) => form.slice(0, pieceLength))
}
