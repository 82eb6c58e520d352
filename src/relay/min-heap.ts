/** A binary heap: the least of many things that wait, in logarithmic time. */
export type MinHeap<T> = {
  push(item: T): void
  peek(): T | undefined
  shift(): T | undefined
  readonly size: number
  /** Live reference; as a heap is laid out. */
  save(): T[]
}

/** `saved`: as `save` of a heap of the same order gave it. */
export function createMinHeap<T>(isBefore: (a: T, b: T) => boolean, saved?: T[]): MinHeap<T> {
  const items = saved ?? []

  function rise(from: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!swapIf(at, above)) return
      at = above
    }
  }

  function sink(): void {
    let at = 0
    for (;;) {
      let least = at
      for (const below of [2 * at + 1, 2 * at + 2]) if (isLess(below, least)) least = below
      if (least === at) return
      swapIf(least, at)
      at = least
    }
  }

  function isLess(a: number, b: number): boolean {
    const [first, second] = [items[a], items[b]]
    return first !== undefined && second !== undefined && isBefore(first, second)
  }

  /** Exchanges the two where the lower one belongs above. */
  function swapIf(lower: number, upper: number): boolean {
    const [below, above] = [items[lower], items[upper]]
    if (below === undefined || above === undefined || !isBefore(below, above)) return false
    items[lower] = above
    items[upper] = below
    return true
  }

  return {
    push(item) {
      items.push(item)
      rise(items.length - 1)
    },
    peek: () => items[0],
    shift() {
      const least = items[0]
      const last = items.pop()
      if (items.length > 0 && last !== undefined) {
        items[0] = last
        sink()
      }
      return least
    },
    get size() {
      return items.length
    },
    save: () => items,
  }
}
