/** Networks of endpoints: how far apart two outer addresses must be to be two places. Providers hand out addresses of one network in turn. */
import { canonicalPrefix } from '../../address.ts'

const V4_LENGTH = 24
/** What a site is usually given (RFC 6177). */
const V6_LENGTH = 48

/** `203.0.113.0/24`, `2001:db8:7::/48`; '' for text that is no address. */
export function outerNetwork(address: string): string {
  if (address === '') return ''
  return canonicalPrefix(`${address}/${address.includes(':') ? V6_LENGTH : V4_LENGTH}`) ?? ''
}
