/** A part of a list, and the cursor that leads on. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}
