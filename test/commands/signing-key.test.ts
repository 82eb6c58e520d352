/** Goal: keys are made once, kept private, and refused where others could have them. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runKeygen } from '../../src/commands/keygen.ts'
import { publicKeyOf, readPublicKey, readSecretFile, readSigner } from '../../src/commands/signing-key.ts'
import { AppError } from '../../src/errors.ts'
import { withFolder } from './made-report.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

function keygen(out: string, { isPseudonyms = false, isJson = false } = {}): string {
  const terminal = createMemoryTerminal()
  expect(runKeygen({ out, isPseudonyms, isJson }, terminal)).toBe(0)
  return terminal.printed()
}

function refusalOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('keygen', () => {
  test('makes a pair that signs and checks, the private half for its owner alone, and prints neither', async () => {
    await withFolder((place) => {
      const path = join(place, 'key')
      const told = keygen(path)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      const signer = readSigner(path)
      const key = readPublicKey(`${path}.pub`)
      const bytes = Buffer.from('a manifest')
      expect(key.isSignatureOf(signer.sign(bytes), bytes)).toBe(true)
      expect(key.isSignatureOf(signer.sign(bytes), Buffer.from('another'))).toBe(false)
      expect(key.fingerprint).toBe(signer.fingerprint)
      expect(told).toContain(signer.fingerprint)
      expect(told).not.toContain(readFileSync(path, 'utf8').split('\n')[1])
      // What other programs call it: the same PEM forms.
      const other = execFileSync('openssl', ['pkey', '-in', path, '-pubout'], { encoding: 'utf8' })
      expect(other).toBe(readFileSync(`${path}.pub`, 'utf8'))
      return Promise.resolve()
    })
  })

  test('overwrites nothing, and then makes neither file', async () => {
    await withFolder((place) => {
      writeFileSync(join(place, 'key.pub'), 'mine')
      expect(refusalOf(() => keygen(join(place, 'key'))).code).toBe('usage')
      expect(existsSync(join(place, 'key'))).toBe(false)
      expect(readFileSync(join(place, 'key.pub'), 'utf8')).toBe('mine')
      symlinkSync('elsewhere', join(place, 'link'))
      expect(refusalOf(() => keygen(join(place, 'link'), { isPseudonyms: true })).code).toBe('usage')
      expect(existsSync(join(place, 'elsewhere'))).toBe(false)
      expect(refusalOf(() => keygen(join(place, 'no', 'key'))).code).toBe('cannot-write')
      expect(refusalOf(() => keygen(`${place}/`)).code).toBe('usage')
      return Promise.resolve()
    })
  })

  test('makes a secret of 32 bytes, another one each time', async () => {
    await withFolder((place) => {
      const [a, b] = ['a', 'b'].map((name) => {
        const told = keygen(join(place, name), { isPseudonyms: true, isJson: true })
        expect(JSON.parse(told)).toEqual({ secret: join(place, name) })
        expect(statSync(join(place, name)).mode & 0o777).toBe(0o600)
        return readSecretFile(join(place, name))
      })
      expect(a).toHaveLength(32)
      expect(a).not.toEqual(b)
      return Promise.resolve()
    })
  })
})

describe('a key file', () => {
  test.each([0o640, 0o604, 0o660, 0o644, 0o620])('of mode %o is refused', async (mode) => {
    await withFolder((place) => {
      keygen(join(place, 'key'))
      keygen(join(place, 'secret'), { isPseudonyms: true })
      for (const name of ['key', 'secret']) chmodSync(join(place, name), mode)
      for (const work of [() => readSigner(join(place, 'key')), () => readSecretFile(join(place, 'secret'))])
        expect(refusalOf(work)).toMatchObject({ code: 'bad-secret', message: expect.stringContaining('others may') })
      return Promise.resolve()
    })
  })

  test('of another kind is refused, and nothing of it is shown', async () => {
    await withFolder((place) => {
      keygen(join(place, 'key'))
      const texts = {
        text: 'not a key at all',
        ec: execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout'], { encoding: 'utf8' }),
        public: readFileSync(join(place, 'key.pub'), 'utf8'),
      }
      for (const [name, text] of Object.entries(texts)) {
        writeFileSync(join(place, name), text, { mode: 0o600 })
        const refusal = refusalOf(() => readSigner(join(place, name)))
        expect([refusal.code, refusal.cause]).toEqual(['bad-secret', undefined])
        expect(refusal.message).not.toContain(text.slice(0, 12))
      }
      // A private key where a public one is meant must not be handed about.
      expect(refusalOf(() => readPublicKey(join(place, 'key'))).code).toBe('bad-secret')
      expect(publicKeyOf(readFileSync(join(place, 'key'), 'utf8'))).toBeNull()
      expect(refusalOf(() => readSecretFile(join(place, 'text'))).code).toBe('bad-secret')
      expect(refusalOf(() => readSigner(join(place, 'nothing'))).code).toBe('cannot-read')
      expect(refusalOf(() => readSigner(place)).code).toBe('cannot-read')
      return Promise.resolve()
    })
  })
})
