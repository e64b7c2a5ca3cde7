/** Half a pair of surrogates, or NUL, as escapes; a backslash that is itself escaped begins none. */
const unreadable = String.raw`(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})`

/**
 * SQL that reads an entry, or a row of them, as JSON. Operators of json refuse a text that has NUL or half a pair of surrogates anywhere,
 * as a callback's may that an older release wrote: a result goes along in it. They are read as U+FFFD.
 * @param text SQL of the text
 */
export function entryJson(text: string): string {
  return `(case when strpos(${text}, '\\u0000') = 0 and strpos(${text}, '\\ud') = 0 then ${text}
    else regexp_replace(${text}, '${unreadable}', '\\1\\\\ufffd', 'g') end)::json`
}
