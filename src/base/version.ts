/** The version of this package, as nodes enter it into their row. A test holds it against package.json. */
export const packageVersion = '0.1.0'
