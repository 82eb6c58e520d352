/** A share of an address family, for people. */

/** `-` for none, `all`, `1/256` of it, `few` for less than a /16 of IPv4. */
export function spaceShare(share: number): string {
  if (share === 0) return '-'
  if (share > 0.99) return 'all'
  if (share < 2 ** -16) return 'few'
  return share > 0.5 ? 'most' : `1/${Math.round(1 / share)}`
}
