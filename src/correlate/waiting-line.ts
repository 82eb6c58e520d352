/** A first-in first-out queue on one array: taking from the front is free, the dead front is cut off now and then. */
export type WaitingLine<T> = {
  push(item: T): void
  /** Undefined when empty. */
  peek(): T | undefined
  shift(): T | undefined
  readonly length: number
  /** What waits, oldest first. */
  save(): SavedWaitingLine<T>
}

export type SavedWaitingLine<T> = readonly T[]

const DEAD_MAX = 4096

export function createWaitingLine<T>(saved?: SavedWaitingLine<T>): WaitingLine<T> {
  let items: T[] = saved === undefined ? [] : [...saved]
  let head = 0
  return {
    push: (item) => {
      items.push(item)
    },
    peek: () => items[head],
    shift() {
      const item = items[head]
      if (head < items.length) head++
      if (head >= DEAD_MAX && head * 2 >= items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
    get length() {
      return items.length - head
    },
    save: () => (head === 0 ? items : items.slice(head)),
  }
}
