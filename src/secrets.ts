/** Secrets, resolved from their references as late as possible: the text never lies in a file of ours, a log or a message. */
import { readFileSync } from 'node:fs'
import type { Secret } from './config-words.ts'
import { AppError } from './errors.ts'
import { safeText } from './safe-text.ts'

/** Characters: longer than any key or password a server takes. */
const SECRET_MAX = 10_000

/** Throws AppError `bad-secret`, which names the reference and never what was found. */
export function resolveSecret(secret: Secret, environment: { readonly [name: string]: string | undefined }): string {
  const text = secret.from === 'env' ? fromEnvironment(secret.name, environment) : fromFile(secret.name)
  // One line end at the end belongs to the file, not to the secret.
  const value = text.replace(/\r?\n$/, '')
  if (value === '') throw badSecret(secret, 'is empty')
  if (value.length > SECRET_MAX) throw badSecret(secret, `is longer than ${SECRET_MAX} characters`)
  if (/[\p{Cc}\u0080-\u{10ffff}]/u.test(value))
    throw badSecret(secret, 'holds characters that no key or password header can carry')
  return value
}

function fromEnvironment(name: string, environment: { readonly [name: string]: string | undefined }): string {
  const value = environment[name]
  if (value === undefined) throw badSecret({ from: 'env', name }, 'is not set')
  return value
}

function fromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw badSecret({ from: 'file', name: path }, 'cannot be read')
  }
}

function badSecret({ from, name }: Secret, what: string): AppError {
  return new AppError('bad-secret', `the secret \${${from}:${safeText(name)}} ${what}`, {
    advice:
      from === 'env'
        ? 'Set the variable for this process; a systemd unit takes it from EnvironmentFile=.'
        : 'Check the path, and that this user may read the file.',
  })
}
