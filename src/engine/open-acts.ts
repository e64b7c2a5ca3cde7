import type { OpenAct } from '../store/acts.ts'

/** An open act that this node knows of. `told`: the handler of its item; `settling`, `refusing`: its verdict is on its way. */
export interface PendingAct {
  readonly act: OpenAct
  stage: 'open' | 'told' | 'settling' | 'refusing'
  /** It is not looked up again before the log has been read so far; `forRoom`: or there are fewer gaps in what is done. */
  waitsFor?: { readonly seq: number; readonly forRoom: boolean } | undefined
}

/** Open acts of a partition in memory, at most; the rest waits in the table. */
export const maxOpenActs = 5_000

/** The open acts of a partition, those of one item in the order they were asked for: the later is about what the earlier leaves. */
export class OpenActs {
  readonly #byItem = new Map<string, PendingAct[]>()
  size = 0

  get isFull(): boolean {
    return this.size >= maxOpenActs
  }

  /** @returns false where there is no room for it, or it is there */
  note(act: OpenAct): boolean {
    if (this.isFull) return false
    const pending: PendingAct = { act, stage: 'open' }
    const line = this.#byItem.get(act.item)
    if (!line) this.#byItem.set(act.item, [pending])
    else if (line.some((other) => other.act.id === act.id)) return false
    else line.push(pending)
    this.size++
    return true
  }

  /** The acts on an item, in order. */
  of(item: string): readonly PendingAct[] {
    return this.#byItem.get(item) ?? []
  }

  find(act: OpenAct): PendingAct | undefined {
    return this.of(act.item).find((pending) => pending.act.id === act.id)
  }

  /** It has been decided: the next one of its item is the first. */
  end(act: OpenAct): void {
    const line = this.#byItem.get(act.item)
    const at = line?.findIndex((pending) => pending.act.id === act.id) ?? -1
    if (!line || at < 0) return
    line.splice(at, 1)
    if (line.length === 0) this.#byItem.delete(act.item)
    this.size--
  }

  /** The first act of each item. */
  firsts(): PendingAct[] {
    return [...this.#byItem.values()].flatMap((line) => line.slice(0, 1))
  }

  ids(): string[] {
    return [...this.#byItem.values()].flatMap((line) => line.map(({ act }) => act.id))
  }
}
