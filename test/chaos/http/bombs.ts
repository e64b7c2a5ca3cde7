import { gzipSync } from 'node:zlib'

/** A request that is made to take a node down, or to change it. */
export interface Bomb {
  readonly name: string
  /** Of the application `chaos`. */
  readonly service: 'keep' | 'echo' | 'list'
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Sent without its end: what follows never comes. */
  readonly isCut?: boolean
  readonly statuses: readonly number[]
}

/** Below what the services take, so that each is read whole. */
const size = 1_900_000
const levels = 1_000_000

const refused = [400, 413, 415, 422] as const

/** What has to be refused; of headers also what is to be passed over. */
export function makeBombs(): readonly Bomb[] {
  return [...deep(), ...large(), ...members(), ...texts(), ...codings(), ...headers()]
}

function bomb(
  name: string,
  body: string | Buffer,
  statuses: readonly number[] = refused,
  more: Partial<Bomb> = {},
): Bomb {
  return { name, service: 'echo', body: Buffer.from(body as string), statuses, ...more }
}

function deep(): Bomb[] {
  const half = size / 2
  return [
    bomb('a million arrays that do not end', '['.repeat(levels), [400, 422]),
    bomb('arrays 950,000 deep', '['.repeat(half) + ']'.repeat(half), [422]),
    bomb('objects 300,000 deep', `${'{"a":'.repeat(300_000)}1${'}'.repeat(300_000)}`, [422]),
    bomb(
      'deep behind a string that ends in backslashes',
      `["${'\\\\'.repeat(400_000)}",${'['.repeat(levels)}`,
      [400, 422],
    ),
    bomb('513 levels', '['.repeat(513) + ']'.repeat(513), [422]),
    bomb('513 levels, to be queued', '['.repeat(513) + ']'.repeat(513), [422], { service: 'keep' }),
  ]
}

function large(): Bomb[] {
  return [
    bomb('a gigabyte, declared', '{"a":"', [413], {
      headers: { 'content-length': '1000000000' },
      isCut: true,
    }),
    bomb('8 MB in chunks', `"${'a'.repeat(8_000_000)}"`, [413], {
      headers: { 'transfer-encoding': 'chunked' },
    }),
    bomb('8 MB of blanks in chunks', ' '.repeat(8_000_000), [413], {
      headers: { 'transfer-encoding': 'chunked' },
    }),
    bomb('20,000 members that do not fit', JSON.stringify(Array.from({ length: 20_000 }, () => '')), [422], {
      service: 'list',
    }),
    bomb('a number of 60,000 digits in place of a list', '7'.repeat(60_000), [422], { service: 'list' }),
  ]
}

function members(): Bomb[] {
  const own = '{"polluted":"yes"}'
  return [
    bomb('__proto__', `{"__proto__":${own}}`, [422]),
    bomb('__proto__, to be queued', `{"__proto__":${own}}`, [422], { service: 'keep' }),
    bomb('__proto__, written with escapes', `{"__pr\\u006fto\\u005f_":${own}}`, [422]),
    bomb(
      '__proto__ in a list, deep',
      `${'['.repeat(500)}{"a":{"__proto__":${own}}}${']'.repeat(500)}`,
      [422],
    ),
    bomb('__proto__ twice', `{"__proto__":1,"__proto__":${own}}`, [422]),
    bomb('__proto__ behind 100,000 members', `{${manyMembers(100_000)},"__proto__":${own}}`, [422]),
  ]
}

function texts(): Bomb[] {
  const raw = (...bytes: number[]): Buffer =>
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
  return [
    bomb('NUL, escaped', '{"a":"\\u0000"}', [422]),
    bomb('NUL in a name', '{"a\\u0000":1}', [422], { service: 'keep' }),
    bomb('300,000 times NUL', `"${'\\u0000'.repeat(300_000)}"`, [422]),
    bomb('NUL as it is', raw(0), [400]),
    bomb('a control character as it is', raw(27), [400]),
    bomb('a high surrogate alone', '["\\ud800"]', [422]),
    bomb('a low surrogate alone', '["\\udc00x"]', [422], { service: 'keep' }),
    bomb('surrogates the wrong way round', '["\\udc00\\ud800"]', [422]),
    bomb('a surrogate in three bytes', raw(0xed, 0xa0, 0x80), [400]),
    bomb('a byte too many ways', raw(0xc0, 0x80), [400]),
    bomb('half a character', raw(0xe2, 0x82), [400]),
    bomb('beyond Unicode', raw(0xf4, 0x90, 0x80, 0x80), [400]),
    bomb('no JSON', '{"a":1,}', [400]),
    bomb('two values', '{}{}', [400]),
    bomb('NaN', '{"a":NaN}', [400]),
    bomb('a comment', '{/* */"a":1}', [400]),
  ]
}

function codings(): Bomb[] {
  const zipped = gzipSync(Buffer.alloc(100_000_000, ' '))
  const type = (charset: string): Partial<Bomb> => ({
    headers: { 'content-type': `application/json; charset=${charset}` },
  })
  const coded = (coding: string): Partial<Bomb> => ({ headers: { 'content-encoding': coding } })
  const sixteen = Buffer.from('\ufeff{"a":"b"}', 'utf16le')
  return [
    bomb('gzip 1:1000', zipped, [415], coded('gzip')),
    bomb('gzip twice', gzipSync(zipped), [415], coded('gzip, gzip')),
    bomb('gzip behind identity', zipped, [415], coded('identity, gzip')),
    bomb('deflate', zipped, [415], coded('deflate')),
    bomb('br', zipped, [415], coded('br')),
    bomb('gzip that does not say so', zipped, [400]),
    bomb('UTF-7', '{"a":"+AGEAYg-"}', [415], type('utf-7')),
    bomb('UTF-16', sixteen, [415], type('utf-16')),
    bomb('UTF-32', sixteen, [415], type('utf-32')),
    bomb('Latin-1', Buffer.from('{"a":"ä"}', 'latin1'), [415], type('iso-8859-1')),
    bomb('UTF-16 with quotes', sixteen, [415], type('"utf-16"')),
    bomb('UTF-16 that does not say so', sixteen, [400]),
    bomb('UTF-16 that says UTF-8', Buffer.from('{"a":1}', 'utf16le').swap16(), [400], type('utf-8')),
    bomb('XML', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', [415], {
      headers: { 'content-type': 'application/xml' },
    }),
    bomb('XML that says JSON', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', [400]),
    bomb('a form', 'a=b', [415], { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  ]
}

/** As long as a header may be. What a preference cannot be read from is ignored (RFC 7240, 2). */
function headers(): Bomb[] {
  const size = 15_000
  const prefer = (name: string, value: string): Bomb =>
    bomb(`Prefer: ${name}`, '{"a":1}', [200], { headers: { prefer: value } })
  return [
    prefer('blanks', `a${' '.repeat(size)}x`),
    prefer('blanks behind a sign', `a=${' '.repeat(size)}"x`),
    prefer('quotes', '"'.repeat(size)),
    prefer('a string that does not end', `"${'\\"'.repeat(size / 2)}`),
    prefer('a URL that does not end', `callback; url="${'\\"'.repeat(size / 2)}`),
    prefer('commas', ','.repeat(size)),
    bomb('Idempotency-Key: a string that does not end', '{"a":1}', [400], {
      headers: { 'idempotency-key': `"${'\\"'.repeat(size / 2)}` },
    }),
  ]
}

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, at) => `"m${at}":0`).join(',')
}

/** Legal JSON that is odd, large or looks bad, and has to come back as it went in. */
export function makeOddities(): readonly string[] {
  const point = (code: number): string => String.fromCodePoint(code)
  return [
    '[]',
    '""',
    '{"":{"":""}}',
    '{"constructor":{"prototype":{"polluted":"yes"}}}',
    '{"toString":1,"valueOf":2,"hasOwnProperty":3,"then":4,"toJSON":5}',
    '["__proto__","__proto__ "]',
    '{"__proto__ ":1,"__PROTO__":2}',
    '"\\\\u0000 \\\\ud800"',
    JSON.stringify(`${point(0x2028)}${point(0x2029)}${point(0x85)}${point(0xa0)}${point(0xfeff)}`),
    JSON.stringify(`${point(0xfffe)}${point(0xffff)}${point(0x10ffff)}${point(0x1fffe)}`),
    JSON.stringify(`${point(0x202e)}txt.exe${point(0x200b)}${point(0x200d)}${point(0xad)}`),
    JSON.stringify(`e${point(0x301)} ${point(0xe9)} ${point(0x1f468)}${point(0x200d)}${point(0x1f469)}`),
    JSON.stringify('\b\f\n\r\t\u0001\u001f\u007f"\\/'),
    JSON.stringify(
      "'; drop table coatcheck.log; -- ${7*7} {{7*7}} <script>alert(1)</script> %00 %n \r\nset-cookie: a=b",
    ),
    '[0.1,1e+21,5e-324,1.7976931348623157e+308,9007199254740991,-9007199254740991]',
    `${'['.repeat(511)}${']'.repeat(511)}`,
    `{${manyMembers(100_000)}}`,
    `{${Array.from({ length: 20_000 }, (_, at) => `"${4_294_967_295 - at}":0`)
      .toReversed()
      .join(',')}}`,
    JSON.stringify('ä'.repeat(400_000)),
    JSON.stringify(point(0x1f600).repeat(200_000)),
  ]
}
