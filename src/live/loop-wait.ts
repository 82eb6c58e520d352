/** Sleep until something happens, or a while has passed. */
export type LoopWait = {
  /** Resolves at once when `wake` was called since the last time. */
  forNews(delayMs: number): Promise<void>
  wake(): void
}

export function createLoopWait(): LoopWait {
  let isAwake = false
  let resume: (() => void) | null = null
  return {
    forNews: (delayMs) =>
      new Promise((resolve) => {
        if (isAwake) {
          isAwake = false
          resolve()
          return
        }
        const timer = setTimeout(() => resume?.(), delayMs)
        resume = () => {
          clearTimeout(timer)
          resume = null
          isAwake = false
          resolve()
        }
      }),
    wake() {
      if (resume === null) isAwake = true
      else resume()
    },
  }
}
