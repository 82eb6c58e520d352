/** Whose a public key is on this machine, in words for people, so that a private key found somewhere can be told apart from noise. */
import { type Fact, isKnown, type StoredFact } from '../../sources/hostfacts/facts.ts'
import type { Clock } from '../clock.ts'
import { runCommand } from '../collectors/run-command.ts'

const LIMITS = { timeoutMs: 5_000, bytesMax: 16 * 1024 * 1024 }
/** Keys kept; more peers than that are looked for without their names. */
const KEYS_MAX = 50_000
const ROW = /^(\S{1,15})\t([A-Za-z0-9+/]{43}=)$/

/** Public keys only: `wg show all public-key` and `wg show all peers` print no others. Never rejects. */
export async function knownKeys(
  programs: Readonly<Record<string, string>>,
  stored: Fact<readonly StoredFact[]>,
  clock: Clock,
): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  const add = (key: string, holder: string) => {
    if (key !== '' && known.size < KEYS_MAX && !known.has(key)) known.set(key, holder)
  }
  const [own, peers] = await Promise.all([ask(programs, 'public-key', clock), ask(programs, 'peers', clock)])
  for (const [name, key] of own) add(key, name)
  for (const each of isKnown(stored) ? stored : []) add(each.publicKey, each.interface)
  for (const [name, key] of peers) add(key, `a peer of ${name}`)
  for (const each of isKnown(stored) ? stored : [])
    for (const { publicKey } of each.conf.peers) add(publicKey, `a peer of ${each.interface}`)
  return known
}

async function ask(
  programs: Readonly<Record<string, string>>,
  what: string,
  clock: Clock,
): Promise<[name: string, key: string][]> {
  const program = programs['wg'] ?? ''
  if (program === '') return []
  const { stdout, problem } = await runCommand([program, 'show', 'all', what], LIMITS, clock).done
  if (problem !== '') return []
  return stdout
    .toString('latin1')
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [, name = '', key = ''] = ROW.exec(line) ?? []
      return key === '' ? [] : [[name, key]]
    })
}
