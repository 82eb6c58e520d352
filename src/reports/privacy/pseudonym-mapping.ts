/**
 * Who stands behind the pseudonyms of a report, encrypted: `pseudonyms.json` beside it. Only what the report names is in it.
 *
 * The nonce of AES-256-GCM is an HMAC of the plain text under a key of its own (the construction of RFC 5297 and RFC 8452), because the
 * same report has to give the same bytes, and a counter or chance would not. That is safe: two plain texts share a nonce only if 96 bits of
 * HMAC collide, which takes some 2^48 reports under one secret; and the same plain text twice gives the same bytes, which tells that two
 * mappings are equal and nothing else.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { z } from 'zod'
import { PERSONAL_KINDS, type PersonalKind } from './personal-fields.ts'
import { deriveKey } from './pseudonym-keys.ts'
import type { UsedPseudonym } from './pseudonyms.ts'

/** Name of the file in a report's folder. */
export const MAPPING_FILE = 'pseudonyms.json'
/** Of a mapping that is read, in bytes: a million entries. */
export const MAPPING_BYTES_MAX = 256 * 1024 * 1024

const VERSION = 1
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const ID_DIGITS = 16
/** Bound to the data: nothing of the head can be exchanged. */
const BOUND = Buffer.from(`peertrail pseudonyms ${VERSION}`)

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const sealed = z.object({
  version: z.literal(VERSION),
  about: z.string(),
  cipher: z.literal(CIPHER),
  secret: z.string().regex(/^[0-9a-f]{16}$/),
  nonce: z.string().regex(BASE64),
  data: z.string().regex(BASE64),
})
const content = z.array(z.object({ pseudonym: z.string(), kind: z.string(), texts: z.array(z.string()) }))

/** Text of the file, ended by LF. The same for the same secret and entries. */
export function sealMapping(secret: Buffer, used: readonly UsedPseudonym[]): string {
  const plain = Buffer.from(JSON.stringify(used.map(({ pseudonym, kind, texts }) => ({ pseudonym, kind, texts }))))
  const nonce = createHmac('sha256', deriveKey(secret, 'nonce')).update(plain).digest().subarray(0, NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, deriveKey(secret, 'mapping'), nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(BOUND)
  const data = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return `${JSON.stringify(
    {
      version: VERSION,
      about: 'Who stands behind the pseudonyms of this report. Read it with: peertrail report reveal . --key FILE',
      cipher: CIPHER,
      secret: secretId(secret),
      nonce: nonce.toString('base64'),
      data: data.toString('base64'),
    },
    null,
    2,
  )}\n`
}

/** `other-secret`: made with another one. `damaged`: changed since, or cut. `no-mapping`: another kind of file. */
export type OpenedMapping =
  | { readonly is: 'open'; readonly used: readonly UsedPseudonym[] }
  | { readonly is: 'other-secret' | 'damaged' | 'no-mapping' }

/** Of what sealMapping wrote, or of any text. */
export function openMapping(secret: Buffer, text: string): OpenedMapping {
  const result = sealed.safeParse(jsonOf(text))
  if (!result.success) return { is: 'no-mapping' }
  const { data } = result
  if (data.secret !== secretId(secret)) return { is: 'other-secret' }
  const [nonce, bytes] = [Buffer.from(data.nonce, 'base64'), Buffer.from(data.data, 'base64')]
  if (nonce.length !== NONCE_BYTES || bytes.length < TAG_BYTES) return { is: 'damaged' }
  try {
    const decipher = createDecipheriv(CIPHER, deriveKey(secret, 'mapping'), nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(BOUND)
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
    const entries = content.parse(JSON.parse(plain.toString('utf8')))
    return { is: 'open', used: entries.map((entry) => ({ ...entry, kind: kindOf(entry.kind) })) }
  } catch {
    // The tag does not fit: that is all GCM says.
    return { is: 'damaged' }
  }
}

/** Tells secrets apart without saying anything about them. */
export function secretId(secret: Buffer): string {
  return deriveKey(secret, 'secret-id').toString('hex').slice(0, ID_DIGITS)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function kindOf(text: string): PersonalKind {
  const kind = PERSONAL_KINDS.find((each) => each === text)
  if (kind === undefined) throw new Error('no kind of pseudonym')
  return kind
}
