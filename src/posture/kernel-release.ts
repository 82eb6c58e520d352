/**
 * Order and kind of kernel releases: `6.1.0-42-amd64` before `6.1.0-43-amd64`; `cloud-amd64` is another flavour and follows its own
 * packages. Compared as dpkg compares versions: runs of digits as numbers, the rest as text, `~` before everything. Releases of rpm
 * name the distribution behind a dot, and a fix goes before it: `553.el8_10` before `553.16.1.el8_10`.
 *
 * Authority: deb-version(7); rpm-version(7).
 */

/** Below 0 when `a` is older. */
export function compareReleases(a: string, b: string): number {
  return compareParts(parts(a), parts(b))
}

/** Versions of Debian packages, `1:6.1.158-1`: below 0 when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const withEpoch = (version: string) => (/^\d+:/.test(version) ? version : `0:${version}`)
  // The part up to the last hyphen counts first.
  const [one, two] = [withEpoch(a), withEpoch(b)].map((version) => {
    const at = version.lastIndexOf('-')
    return at < 0 ? [version, ''] : [version.slice(0, at), version.slice(at + 1)]
  })
  const order = compareParts(split(one?.[0] ?? ''), split(two?.[0] ?? ''))
  return order !== 0 ? order : compareParts(split(one?.[1] ?? ''), split(two?.[1] ?? ''))
}

function compareParts(one: readonly string[], two: readonly string[]): number {
  for (let i = 0; i < Math.max(one.length, two.length); i++) {
    const [left = '', right = ''] = [one[i], two[i]]
    // Even places are text, odd ones digits.
    const order = i % 2 === 0 ? compareText(left, right) : compareDigits(left, right)
    if (order !== 0) return order
  }
  return 0
}

/** `amd64` of `6.1.0-42-amd64`, `debug` of `5.14.0-503.15.1.el9_5.x86_64+debug`; '' where the release has none. */
export function flavourOf(release: string): string {
  const variant = /\.el\d.*\+([a-z0-9-]+)$|\.fc\d.*\+([a-z0-9-]+)$/.exec(release)
  if (variant !== null) return variant[1] ?? variant[2] ?? ''
  return /-([a-z][a-z0-9_]*(?:-[a-z0-9_]+)*)$/.exec(release)?.[1] ?? ''
}

/** A dot before letters ends the numbers that count: it is older than one more number. */
function parts(release: string): string[] {
  return split(release.replace(/\.(?=[A-Za-z])/g, '~'))
}

function split(version: string): string[] {
  return version.split(/(\d+)/)
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
