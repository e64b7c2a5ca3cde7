/** Who has just opened the page has done something. */
let hasActed = true
const acts = ['keydown', 'pointerdown', 'wheel', 'popstate', 'hashchange'] as const

/** Listens to what the person does. */
export function startActWatch(): void {
  const onAct = ({ isTrusted }: Event) => {
    if (isTrusted) hasActed = true
  }
  for (const act of acts) window.addEventListener(act, onAct, { capture: true, passive: true })
}

/** Whether the person has done something since the last request of theirs; the next one is not. */
export function takeAct(): boolean {
  const isTheirs = hasActed
  hasActed = false
  return isTheirs
}

/** The request that was theirs has not come to the node. */
export function giveActBack(): void {
  hasActed = true
}
