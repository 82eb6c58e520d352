/**
 * Key files: an Ed25519 pair as PEM (PKCS #8, SPKI) and secrets as base64. What is secret lies in a file that its owner alone may
 * read, and is refused otherwise, as ssh does: a key that others could copy proves nothing.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { AppError } from '../errors.ts'
import { SMALL_FILE_BYTES_MAX } from '../reports/evidence/manifest.ts'
import { safeText } from '../safe-text.ts'
import { reasonOf } from '../store/write-error.ts'

export type Signer = {
  /** SHA-256 of the public key's SPKI form, hex. */
  readonly fingerprint: string
  /** PEM. */
  readonly publicKey: string
  /** 64 bytes; the same for the same bytes (RFC 8032). */
  sign(bytes: Buffer): Buffer
}

export type PublicKey = {
  /** As Signer's. */
  readonly fingerprint: string
  isSignatureOf(signature: Buffer, bytes: Buffer): boolean
}

const PRIVATE_MODE = 0o600
const PUBLIC_MODE = 0o644
/** Bits of group and others. */
const OTHERS = 0o077
/** Bytes of a secret for pseudonyms: as many as HMAC-SHA-256 makes use of. */
const SECRET_BYTES = 32

/** A new pair as PEM. */
export function makeKeyPair(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
}

/** A new secret as a line of base64. */
export function makeSecret(): string {
  return `${randomBytes(SECRET_BYTES).toString('base64')}\n`
}

/** Throws AppError `bad-secret` for a file that others may read or that holds no Ed25519 private key, `cannot-read`. */
export function readSigner(path: string): Signer {
  const key = keyOf(path, 'private', () => ed25519(createPrivateKey(readPrivateFile(path).toString('utf8'))))
  const publicKey = createPublicKey(key)
  return {
    fingerprint: fingerprintOf(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (bytes) => sign(null, bytes, key),
  }
}

/** Throws AppError `bad-secret` for a file that holds no Ed25519 public key, `cannot-read`. */
export function readPublicKey(path: string): PublicKey {
  const { bytes } = readSmall(path)
  return keyOf(path, 'public', () => parsePublicKey(bytes.toString('utf8')))
}

/** Null for text that holds no Ed25519 public key. A private key is none: nobody should send that about. */
export function publicKeyOf(pem: string): PublicKey | null {
  try {
    return parsePublicKey(pem)
  } catch {
    return null
  }
}

/** The 32 bytes of `keygen --pseudonyms`. Throws AppError `bad-secret`, `cannot-read`. */
export function readSecretFile(path: string): Buffer {
  const text = readPrivateFile(path).toString('utf8').trim()
  const secret = Buffer.from(text, 'base64')
  if (secret.length !== SECRET_BYTES || secret.toString('base64') !== text)
    throw new AppError('bad-secret', `${safeText(path)} holds no secret for pseudonyms`, {
      advice: `It is ${SECRET_BYTES} bytes as base64, as \`peertrail keygen --pseudonyms\` writes them.`,
    })
  return secret
}

/** Bytes of a file that its owner alone may read. Throws AppError `bad-secret`, `cannot-read`. */
export function readPrivateFile(path: string): Buffer {
  const { bytes, mode } = readSmall(path)
  if ((mode & OTHERS) === 0) return bytes
  throw new AppError(
    'bad-secret',
    `others may read or change ${safeText(path)} (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`,
    { advice: 'A secret that others can copy proves nothing: chmod 600 it, and make a new one if others had access.' },
  )
}

/** Each a file that did not exist; all or none. Throws AppError `usage` for one that is there, `cannot-write`. */
export function writeNewFiles(
  files: readonly { readonly path: string; readonly text: string; readonly isPrivate: boolean }[],
): void {
  const made: string[] = []
  try {
    for (const { path, text, isPrivate } of files) {
      // Exclusive also refuses a link that leads nowhere yet.
      const descriptor = openSync(path, 'wx', isPrivate ? PRIVATE_MODE : PUBLIC_MODE)
      made.push(path)
      try {
        writeFileSync(descriptor, text)
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }
  } catch (error) {
    for (const path of made) unlinkSync(path)
    throw newFileError(files[made.length]?.path ?? made.at(-1) ?? '', error)
  }
}

function newFileError(path: string, error: unknown): AppError {
  if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
    return new AppError('usage', `${safeText(path)} is there already`, {
      advice:
        'Keys are never overwritten: what they signed could not be checked any more. Name another file with --out.',
    })
  return new AppError('cannot-write', `cannot write ${safeText(path)}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'Check space and permissions, or name another file with --out.',
  })
}

/** Looks at the mode of what it reads: a path may lead elsewhere a moment later. */
function readSmall(path: string): { readonly bytes: Buffer; readonly mode: number } {
  let descriptor = -1
  try {
    // A pipe without a writer would be waited for.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size > SMALL_FILE_BYTES_MAX) throw new Error('it is no file of a key')
    return { bytes: readFileSync(descriptor), mode: stat.mode }
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Check the name and that the file may be read by this user.',
    })
  } finally {
    if (descriptor >= 0) closeSync(descriptor)
  }
}

function keyOf<T>(path: string, kind: 'private' | 'public', read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    // Without the cause: OpenSSL's words say nothing to a person, and nothing of the file may be shown.
    throw new AppError('bad-secret', `${safeText(path)} holds no Ed25519 ${kind} key in PEM form`, {
      advice: kind === 'private' ? '`peertrail keygen` makes one.' : 'It is the .pub file of `peertrail keygen`.',
    })
  }
}

function parsePublicKey(pem: string): PublicKey {
  if (!/^-----BEGIN PUBLIC KEY-----\r?\n/.test(pem)) throw new Error('no public key')
  const key = ed25519(createPublicKey(pem))
  return {
    fingerprint: fingerprintOf(key),
    isSignatureOf: (signature, bytes) => verify(null, bytes, key, signature),
  }
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('another kind of key')
  return key
}

function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
