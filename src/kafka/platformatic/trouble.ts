/** What goes wrong and is tried again, of several who work together, in one voice: nothing twice, and '' only when all is well. */

export type Trouble = {
  tell(text: string): void
  /** It works again. */
  over(): void
}

/** Each call gives the voice of one more of them. */
export function createTroubles(onTrouble: (text: string) => void): () => Trouble {
  const texts: string[] = []
  let told = ''
  return () => {
    const at = texts.push('') - 1
    const tell = (text: string) => {
      texts[at] = text
      const worst = texts.find((each) => each !== '') ?? ''
      if (worst === told) return
      told = worst
      onTrouble(worst)
    }
    return { tell, over: () => tell('') }
  }
}
