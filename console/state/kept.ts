/** What this browser keeps of the console; where storage is forbidden nothing is kept. */
export function readKept(name: string): string | undefined {
  try {
    return localStorage.getItem(`coatcheck.${name}`) ?? undefined
  } catch {
    return undefined
  }
}

export function keep(name: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`coatcheck.${name}`)
    else localStorage.setItem(`coatcheck.${name}`, value)
  } catch {
    // private windows of some browsers refuse; then it lasts as long as the page
  }
}
