import { readProperty } from '../define/read-property.ts'

/** An error as the command line tells it: what it says, never a stack. */
export function describeError(error: unknown): string {
  const message = readProperty(error, 'message')
  return plain(typeof message === 'string' && message !== '' ? message : String(error))
}

/** Text without what a terminal would take for commands. Line breaks stay. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\u{fffd}')
}
