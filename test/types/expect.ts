/** Whether two types are the same, not merely assignable. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for `true`. */
export type Expect<T extends true> = T

/** What a definition (or other reference) takes and gives. */
export type InputOf<T extends { readonly ' types'?: { readonly input: unknown } }> = NonNullable<
  T[' types']
>['input']
export type ResultOf<T extends { readonly ' types'?: { readonly result: unknown } }> = NonNullable<
  T[' types']
>['result']

/** Compiles only for a value of exactly the type: `hasType<string>()(input)`. Does nothing. */
export function hasType<Expected>() {
  return <Given>(_value: Given, ..._same: Equal<Given, Expected> extends true ? [] : [never]): void => {}
}

// the checks themselves can fail
// @ts-expect-error another type
hasType<Expect<Equal<{ a: string }, { a?: string }>>>()(true)
// @ts-expect-error another type
hasType<string>()(5)
// @ts-expect-error any is no string
hasType<string>()(JSON.parse('1'))
