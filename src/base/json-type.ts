/**
 * What a value of type `T` is after `JSON.stringify` and `JSON.parse`: a Date is a string, undefined members and methods
 * are gone, a Map or Set is `{}`, a BigInt, which cannot be written, is `never`. Inside an array undefined is null.
 */
export type Json<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? unknown
    : T extends string | number | boolean | null | undefined
      ? T
      : T extends void
        ? undefined
        : T extends bigint | symbol | AnyFunction
          ? never
          : T extends { toJSON(...args: never[]): infer Written }
            ? Json<Written>
            : T extends readonly unknown[]
              ? { [Index in keyof T]: JsonElement<T[Index]> }
              : T extends EmptyAsJson
                ? {}
                : T extends object
                  ? JsonObject<T>
                  : never

type AnyFunction = (...args: never[]) => unknown

type EmptyAsJson =
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | Promise<unknown>
  | RegExp
  | ArrayBuffer

/** A result as whoever asks for it gets it: bytes as bytes, all else as JSON has it. */
export type Handed<Output> = Output extends Uint8Array ? Uint8Array : Json<Output>

/** What is written as null in an array. */
type JsonElement<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? unknown
    : T extends undefined | symbol | AnyFunction
      ? null
      : Json<T>

/** What makes the member go away in an object. */
type Dropped = undefined | symbol | AnyFunction

type RequiredKeys<T> = {
  [Key in keyof T]-?: Key extends symbol
    ? never
    : IsAnyOrUnknown<T[Key]> extends true
      ? Key
      : [Extract<T[Key], Dropped>] extends [never]
        ? Key
        : never
}[keyof T]

type OptionalKeys<T> = {
  [Key in keyof T]-?: Key extends symbol | RequiredKeys<T>
    ? never
    : [Exclude<T[Key], Dropped>] extends [never]
      ? never
      : Key
}[keyof T]

type IsAnyOrUnknown<T> = unknown extends T ? true : false

type JsonObject<T> = Flat<
  { [Key in keyof T as Key extends RequiredKeys<T> ? Key : never]: Json<T[Key]> } & {
    [Key in keyof T as Key extends OptionalKeys<T> ? Key : never]?: Json<Exclude<T[Key], Dropped>>
  }
>

/** One object type in place of an intersection. */
type Flat<T> = { [Key in keyof T]: T[Key] }
