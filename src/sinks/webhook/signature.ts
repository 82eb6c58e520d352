/**
 * The signature of a webhook, in the form of the Standard Webhooks specification 1.0: a receiver can prove that a notice is ours,
 * unchanged and not replayed late, with the libraries it has.
 *
 *   webhook-id: 01k81…            the same in every attempt
 *   webhook-timestamp: 1795360169
 *   webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
 */
import { createHmac } from 'node:crypto'
import { type Micros, SECOND } from '../../time.ts'

export type SignedHeaders = Readonly<Record<string, string>>

/** `secret`: '' = unsigned, `whsec_` and base64 as the specification writes it, or any other text as it stands. */
export function signedHeaders(id: string, at: Micros, body: string, secret: string): SignedHeaders {
  const timestamp = String(Math.floor(at / SECOND))
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp }
  if (secret === '') return headers
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { ...headers, 'webhook-signature': `v1,${signature}` }
}
