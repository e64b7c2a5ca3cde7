import type { Service } from '../define/service.ts'

/** The definitions of an application, and of those that it uses; deeper than five, none. */
type DefinitionsOf<App, Depth extends readonly unknown[] = []> = Depth['length'] extends 5
  ? never
  : App extends { readonly ' definitions'?: { readonly own: infer Own; readonly uses: infer Uses } }
    ? Overriding<Members<Own>, DefinitionsOf<Members<Uses>, [...Depth, unknown]>>
    : never

type Members<List> = List extends readonly (infer Member)[] ? Member : never

/** What one application defines, and what it does not of those below it. */
type Overriding<Own, Used> = Own | Exclude<Used, { readonly kind: 'service'; readonly name: NameOf<Own> }>

type NameOf<Definition> = Definition extends {
  readonly kind: 'service'
  readonly name: infer Name extends string
}
  ? Name
  : never

/** The names of the services of an application. */
export type ServiceName<App> = NameOf<DefinitionsOf<App>>

type ServiceOf<App, Name> = Extract<DefinitionsOf<App>, { readonly kind: 'service'; readonly name: Name }>

/** What a service is called with. */
export type ServiceInput<App, Name> =
  ServiceOf<App, Name> extends Service<infer Input, infer _Result> ? Input : never

/** What a service answers with, as JSON. */
export type ServiceResult<App, Name> =
  ServiceOf<App, Name> extends Service<infer _Input, infer Result> ? Result : never
