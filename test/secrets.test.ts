/** Secrets come from where their references say, and never into a message. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AppError } from '../src/errors.ts'
import { resolveSecret } from '../src/secrets.ts'
import { caught } from './caught.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peertrail-secrets-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('from a variable and from a file, whose last line end is none of it', () => {
  expect(resolveSecret({ from: 'env', name: 'KEY' }, { KEY: 'abc==' })).toBe('abc==')
  const path = join(dir, 'key')
  writeFileSync(path, 'from a file\n')
  expect(resolveSecret({ from: 'file', name: path }, {})).toBe('from a file')
  writeFileSync(path, 'from windows\r\n')
  expect(resolveSecret({ from: 'file', name: path }, {})).toBe('from windows')
})

test('what is wrong names the reference and never the secret', () => {
  const secret = 'hunter2'
  const path = join(dir, 'key')
  writeFileSync(path, `${secret}\nand a second line\n`)
  const failures = [
    () => resolveSecret({ from: 'env', name: 'ABSENT' }, {}),
    () => resolveSecret({ from: 'env', name: 'EMPTY' }, { EMPTY: '' }),
    () => resolveSecret({ from: 'file', name: join(dir, 'absent') }, {}),
    () => resolveSecret({ from: 'file', name: path }, {}),
    () => resolveSecret({ from: 'env', name: 'KEY' }, { KEY: `${secret}ü` }),
    () => resolveSecret({ from: 'env', name: 'KEY' }, { KEY: `${secret}🔑` }),
    () => resolveSecret({ from: 'env', name: 'KEY' }, { KEY: secret.repeat(2000) }),
  ]
  for (const attempt of failures) {
    const error = caught(attempt) as AppError
    expect(error).toMatchObject({ code: 'bad-secret' })
    expect(`${error.message} ${error.advice}`).not.toContain(secret)
    expect(error.message).toMatch(/^the secret \$\{(env|file):/)
  }
})
