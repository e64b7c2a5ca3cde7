import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../src/base/json-type.ts'
import { writeJson } from '../../src/base/json.ts'
import type { Equal, Expect } from './expect.ts'

class Money {
  readonly amount: bigint
  constructor(amount: bigint) {
    this.amount = amount
  }
  toJSON(): { readonly amount: string; readonly at: Date } {
    return { amount: String(this.amount), at: new Date(0) }
  }
}

interface Tree {
  readonly name: string
  readonly children: readonly Tree[]
}

class Account {
  readonly id = 'a'
  rename(): void {}
}

export type Cases = [
  // what JSON holds stays as it is
  Expect<Equal<Json<string>, string>>,
  Expect<Equal<Json<'a' | 1 | true | null>, 'a' | 1 | true | null>>,
  Expect<Equal<Json<boolean>, boolean>>,
  Expect<Equal<Json<{ a: string; b: number[] }>, { a: string; b: number[] }>>,
  Expect<Equal<Json<{ readonly a: string; b?: number }>, { readonly a: string; b?: number }>>,
  Expect<Equal<Json<[string, number]>, [string, number]>>,
  Expect<Equal<Json<readonly string[]>, readonly string[]>>,
  Expect<Equal<Json<Record<string, number>>, Record<string, number>>>,
  Expect<Equal<Json<unknown>, unknown>>,
  Expect<Equal<Json<{ a: unknown }>, { a: unknown }>>,
  // oxlint-disable-next-line typescript/no-explicit-any
  Expect<Equal<Json<any>, any>>,
  // nothing returned
  Expect<Equal<Json<undefined>, undefined>>,
  Expect<Equal<Json<void>, undefined>>,
  // what is written as something else
  Expect<Equal<Json<Date>, string>>,
  Expect<Equal<Json<Date | undefined>, string | undefined>>,
  Expect<Equal<Json<{ at: Date; tags: Date[] }>, { at: string; tags: string[] }>>,
  Expect<Equal<Json<Money>, { readonly amount: string; readonly at: string }>>,
  Expect<Equal<Json<Map<string, number>>, {}>>,
  Expect<Equal<Json<{ seen: Set<string> }>, { seen: {} }>>,
  Expect<Equal<Json<RegExp>, {}>>,
  Expect<Equal<Json<(string | undefined)[]>, (string | null)[]>>,
  Expect<Equal<Json<[() => void, 1]>, [null, 1]>>,
  // what cannot be written
  Expect<Equal<Json<bigint>, never>>,
  Expect<Equal<Json<() => void>, never>>,
  Expect<Equal<Json<symbol>, never>>,
  // members that go away
  Expect<Equal<Json<{ a: string; b: undefined }>, { a: string }>>,
  Expect<Equal<Json<{ a: string; b: string | undefined }>, { a: string; b?: string }>>,
  Expect<Equal<Json<{ a?: string | undefined }>, { a?: string }>>,
  Expect<Equal<Json<{ a: string; run(): void }>, { a: string }>>,
  Expect<Equal<Json<{ a: string | (() => void) }>, { a?: string }>>,
  Expect<Equal<Json<{ [Symbol.iterator]: string; a: 1 }>, { a: 1 }>>,
  Expect<Equal<Json<Account>, { readonly id: 'a' }>>,
  // unions and recursion
  Expect<Equal<Json<{ kind: 'a'; at: Date } | { kind: 'b' }>, { kind: 'a'; at: string } | { kind: 'b' }>>,
  Expect<Equal<Json<Tree>['children'][number]['name'], string>>,
  // a second time changes nothing
  Expect<
    Equal<Json<Json<{ a: Date; b: Map<1, 2>; c?: string }>>, Json<{ a: Date; b: Map<1, 2>; c?: string }>>
  >,
]

test('Json<T> says what JSON makes of a value', () => {
  const written = {
    text: 'a',
    at: new Date(0),
    money: new Money(5n),
    map: new Map([[1, 2]]),
    list: [undefined, () => 1, 1],
    gone: undefined as string | undefined,
    account: new Account(),
  }
  const { value } = writeJson(written, { maxBytes: 1000, what: 'it' })
  const expected: Json<typeof written> = {
    text: 'a',
    at: '1970-01-01T00:00:00.000Z',
    money: { amount: '5', at: '1970-01-01T00:00:00.000Z' },
    map: {},
    list: [null, null, 1],
    account: { id: 'a' },
  }
  assert.deepEqual(value, expected)
})
