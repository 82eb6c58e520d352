/**
 * Keeps secrets out of the own log: private and preshared keys of WireGuard (a program may print them when it complains), user and
 * password in URLs, tokens of authorizations, and what the daemon itself read as a secret. Better one hash too many is hidden.
 */
import type { LogFields } from '../log.ts'

export type SecretHider = {
  text(text: string): string
  /** String fields without their secrets; `public_key` at the end of a name says that its key may be shown. */
  fields(fields: LogFields): LogFields
  /** From now on this text is hidden wherever it stands: the value behind `${env:NAME}` or `${file:PATH}`. */
  add(secret: string): void
}

const HIDDEN = '[hidden]'
/** Secrets of a pipeline: a handful of sinks with two each. */
const SECRETS_MAX = 100
/** Shorter ones stand in ordinary words by chance, and hiding them would show where. */
const SECRET_LENGTH_MIN = 4
/** Characters looked at; the rest is cut off. So many more than a line may have that no secret is cut in two within it. */
const LOOKED_AT_MAX = 65_536
/** Marks a key as public right before it: `public key KEY`, `public_key=KEY`, `PublicKey = KEY`. */
const PUBLIC = /public[ _-]?key["']?\s{0,2}[:=]?\s{0,2}["']?$/i
/** Characters before a key in which the mark is looked for. */
const MARK_CHARS = 20
/** 32 bytes in base64 have 43 characters and `=`; with a `/` of a path glued to them, more. Begun only where a run begins: linear. */
const BASE64_KEY = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43,}=/g
/** Names after which a key follows in any spelling, hexadecimal of the kernel interface included. */
const NAMED_KEY = /((?:private|preshared)[ _-]?key["']?\s{0,2}[:=]\s{0,2}["']?)[^\s"',;]+/gi
const URL_USER = /([a-z][a-z0-9+.-]{1,15}:\/\/)[^\s/@]{1,512}@/gi
const AUTHORIZATION = /\b((?:Basic|Bearer|ApiKey)\s)[A-Za-z0-9+/=._~-]{8,}/g

export function createSecretHider(): SecretHider {
  const secrets: string[] = []

  function hide(text: string): string {
    let safe = text.slice(0, LOOKED_AT_MAX)
    for (const secret of secrets) safe = safe.replaceAll(secret, HIDDEN)
    return safe
      .replace(NAMED_KEY, `$1${HIDDEN}`)
      .replace(BASE64_KEY, (key, at: number, whole: string) =>
        PUBLIC.test(whole.slice(Math.max(0, at - MARK_CHARS), at)) && key.length === 44 ? key : HIDDEN,
      )
      .replace(URL_USER, `$1${HIDDEN}@`)
      .replace(AUTHORIZATION, `$1${HIDDEN}`)
  }

  return {
    text: hide,
    fields: (fields) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, value]) => {
          if (typeof value !== 'string') return [name, value]
          return [
            name,
            /public_?key$/i.test(name) ? hide(`public key ${value}`).slice('public key '.length) : hide(value),
          ]
        }),
      ),
    add(secret) {
      if (secret.length < SECRET_LENGTH_MIN || secrets.length >= SECRETS_MAX || secrets.includes(secret)) return
      secrets.push(secret)
      // A secret that holds another one is hidden as a whole.
      secrets.sort((a, b) => b.length - a.length)
    },
  }
}
