/**
 * Order and kind of kernel releases: `6.1.0-42-amd64` before `6.1.0-43-amd64`; `cloud-amd64` is another flavour and follows its own
 * packages. Compared as dpkg compares versions: runs of digits as numbers, the rest as text, `~` before everything.
 *
 * Authority: deb-version(7).
 */

/** Below 0 when `a` is older. */
export function compareReleases(a: string, b: string): number {
  const [one, two] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(one.length, two.length); i++) {
    const [left = '', right = ''] = [one[i], two[i]]
    // Even places are text, odd ones digits.
    const order = i % 2 === 0 ? compareText(left, right) : compareDigits(left, right)
    if (order !== 0) return order
  }
  return 0
}

/** `amd64` of `6.1.0-42-amd64`; '' where the release has none. */
export function flavourOf(release: string): string {
  return /-([a-z][a-z0-9_]*(?:-[a-z0-9_]+)*)$/.exec(release)?.[1] ?? ''
}

function parts(release: string): string[] {
  return release.split(/(\d+)/)
}

function compareDigits(a: string, b: string): number {
  const [one, two] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return one.length - two.length || (one < two ? -1 : one > two ? 1 : 0)
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = rank(a[i]) - rank(b[i])
    if (order !== 0) return order
  }
  return 0
}

/** `~` < end < letters < the rest. */
function rank(character: string | undefined): number {
  if (character === '~') return -1
  if (character === undefined) return 0
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256
}
