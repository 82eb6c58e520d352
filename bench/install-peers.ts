/**
 * Fetches Debian's packages of syslog-ng, rsyslog and LAUREL with apt-get and unpacks them aside with `dpkg -x`: nothing is installed,
 * no script of a package runs, no service starts (apt-get(8) download, dpkg-deb(1)). Libraries the machine already has are
 * left out.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Debian 12. On other releases the library names differ, and apt-get says which it does not know. */
const PACKAGES: readonly string[] = [
  'syslog-ng-core',
  'libivykis0',
  'libnet1',
  'libwrap0',
  'libpcre3',
  'libjson-c5',
  'libglib2.0-0',
  'rsyslog',
  'rsyslog-elasticsearch',
  'libestr0',
  'libfastjson4',
  'liblognorm5',
  'laurel',
]

export function installPeers(directory: string, say: (text: string) => void): void {
  const archives = join(directory, 'debs')
  const root = join(directory, 'root')
  mkdirSync(archives, { recursive: true })
  mkdirSync(root, { recursive: true })
  const wanted = PACKAGES.filter((name) => !isInstalled(name))
  say(`fetching ${wanted.join(' ')}\n`)
  execFileSync('apt-get', ['download', '--quiet', ...wanted], { cwd: archives, stdio: ['ignore', 'ignore', 'inherit'] })
  for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    execFileSync('dpkg', ['-x', join(archives, archive), root], { stdio: 'inherit' })
  }
  say(`unpacked into ${root}\n`)
}

function isInstalled(name: string): boolean {
  try {
    const status = execFileSync('dpkg-query', ['-W', '-f', '$' + '{Status}', name], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return status.toString().includes('ok installed')
  } catch {
    return false
  }
}
