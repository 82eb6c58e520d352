/**
 * What members of a group tell with their joining: which partitions they have now, so that the one that leads moves no more than it
 * must. Both drivers tell it alike: members of both can be in one group while an installation changes over.
 */

/** All members of a group must have it; another name keeps a release with another rule out of the group. */
export const PROTOCOL = 'peertrail-co-partitioned'

const CLAIM = /^\d{1,6}(?:,\d{1,6})*$/
/** Bytes: more comes from no release of ours. */
const CLAIM_BYTES_MAX = 1024 * 1024

/** As user data of the subscription. */
export function encodeClaim(partitions: readonly number[]): Buffer {
  return Buffer.from(partitions.join(','))
}

/** Total: what another program wrote claims nothing. */
export function decodeClaim(bytes: Buffer | string | null | undefined): readonly number[] {
  if (bytes === null || bytes === undefined || bytes.length > CLAIM_BYTES_MAX) return []
  const text = bytes.toString('latin1')
  return CLAIM.test(text) ? text.split(',').map(Number) : []
}
