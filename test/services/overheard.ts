/** Everything that was printed, logged or thrown, searched for secrets in all the shapes in which they travel. */
import { inspect } from 'node:util'
import { AppError } from '../../src/errors.ts'

export type Overheard = {
  /** From now on looked for; gives it back. */
  readonly secret: (text: string) => string
  readonly heard: (...texts: readonly string[]) => void
  /** Hears all that is in it, its causes included; gives `code: message advice`. */
  readonly error: (error: unknown) => string
  readonly texts: number
  readonly characters: number
  readonly secrets: number
  /** Each as `secret N in: the text around it`, the secret left out. */
  readonly found: () => readonly string[]
}

/** Characters of the text around a secret that are shown. */
const AROUND = 60

export function createOverheard(): Overheard {
  const secrets: string[] = []
  const texts: string[] = []
  return {
    secret(text) {
      if (!secrets.includes(text)) secrets.push(text)
      return text
    },
    heard: (...more) => void texts.push(...more.filter((text) => text !== '')),
    error(error) {
      // Nothing is left out that a logger could reach.
      texts.push(inspect(error, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }))
      if (!(error instanceof Error)) return String(error)
      return error instanceof AppError ? `${error.code}: ${error.message} ${error.advice}` : error.message
    },
    get texts() {
      return texts.length
    },
    get characters() {
      return texts.reduce((sum, text) => sum + text.length, 0)
    },
    get secrets() {
      return secrets.length
    },
    found: () =>
      secrets.flatMap((secret, n) =>
        shapesOf(secret).flatMap((shape) =>
          texts
            .filter((text) => text.includes(shape))
            .map((text) => {
              const at = text.indexOf(shape)
              const before = text.slice(Math.max(0, at - AROUND), at)
              return `secret ${n + 1} in: ${before}[…]${text.slice(at + shape.length, at + shape.length + AROUND)}`
            }),
        ),
      ),
  }
}

/** As it is, in a header of `elastic`, in a URL, and what an encoded API key holds. */
function shapesOf(secret: string): readonly string[] {
  const decoded = Buffer.from(secret, 'base64').toString('latin1')
  const [, key = ''] = /^[\w-]+:([\w-]{8,})$/.exec(decoded) ?? []
  const basic = Buffer.from(`elastic:${secret}`).toString('base64')
  return [...new Set([secret, basic, encodeURIComponent(secret), key])].filter((shape) => shape !== '')
}
