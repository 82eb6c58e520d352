/** Sleeping until something has happened, for the loops of reader and member. */

export type News = {
  /** Something happened: who waits goes on; if nobody does, the next wait ends at once. */
  readonly tell: () => void
  wait(): Promise<void>
}

export function createNews(): News {
  let isNew = false
  let goOn: (() => void) | null = null
  return {
    tell() {
      isNew = true
      goOn?.()
    },
    async wait() {
      if (!isNew) {
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
      }
      goOn = null
      isNew = false
    },
  }
}
