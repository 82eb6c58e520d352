/** Keys out of the one secret of `keygen --pseudonyms`, one for each use: what is learned of one says nothing about another. */
import { hkdfSync } from 'node:crypto'

export type KeyUse =
  /** HMAC of names: pseudonyms.ts. */
  | 'names'
  /** AES-256-GCM of the mapping, its nonces, and what tells secrets apart: pseudonym-mapping.ts. */
  | 'mapping'
  | 'nonce'
  | 'secret-id'

const KEY_BYTES = 32

/** HKDF-SHA-256 (RFC 5869). The secret is random, so it needs no salt. */
export function deriveKey(secret: Buffer, use: KeyUse): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `peertrail pseudonyms 1 ${use}`, KEY_BYTES))
}
