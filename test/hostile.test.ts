/**
 * Names that somebody else chose: log prefixes, interfaces, helpers, labels, programs, hosts, what an inventory calls things.
 * Each is text and nothing else: it changes the fields that hold it, never another one, and never what a terminal does. Keys
 * that are secret leave no trace at all.
 */
import { describe, expect, test } from 'vitest'
import { demoCase, edit, replayCase } from './variants/case.ts'
import { miniature, type Names, PEER_KEY, PLAIN } from './variants/miniature.ts'
import { createRandom } from './variants/random.ts'
import { editDumps } from './variants/snapshots.ts'

/** Latin1, one character a byte. The last ones are U+202E, lone bytes, a C1 CSI. */
const HOSTILE = [
  '__proto__',
  'constructor',
  `"';DROP`,
  '<b>x',
  '=cmd()',
  '\\u0000',
  '\x1b[2J',
  '\xe2\x80\xae',
  '\x80\xff\xfe',
  '\x9b2J',
]

/** Made from the names by hashing; or, of the inventory, from its text. */
const DERIVED = /(\.|^)(id|mapping_id|inventory|version|community_id|hash|evidence_ids\.\d+)$/
/** The packet itself, in which every name stands. */
const RAW = /^event\.original$/
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

type Flat = ReadonlyMap<string, string>

function flatten(value: unknown, path: string, into: Map<string, string>): Map<string, string> {
  if (typeof value !== 'object' || value === null) into.set(path, JSON.stringify(value))
  // Sets, in some documents sorted: another name has another place.
  else if (path.startsWith('related.')) into.set(path, JSON.stringify(value))
  else for (const [key, each] of Object.entries(value)) flatten(each, path === '' ? key : `${path}.${key}`, into)
  return into
}

async function documents(names: Partial<Names>): Promise<{ flat: Flat[]; printed: string }> {
  const { ndjson, printed, exit } = await replayCase(miniature(names))
  expect(exit).toBe(0)
  const lines = ndjson.split('\n').filter((line) => line !== '')
  return { flat: lines.map((line) => flatten(JSON.parse(line), '', new Map())), printed }
}

/** Paths whose value differs though the plain one does not hold the plain name. */
function changed(plain: readonly Flat[], hostile: readonly Flat[], name: string): string[] {
  const paths: string[] = []
  for (const [i, one] of plain.entries()) {
    const other = hostile[i] ?? new Map<string, string>()
    for (const path of new Set([...one.keys(), ...other.keys()])) {
      if (DERIVED.test(path) || RAW.test(path) || one.get(path) === other.get(path)) continue
      if (one.get(path)?.includes(name) !== true) paths.push(`${i} ${path}: ${one.get(path)} -> ${other.get(path)}`)
    }
  }
  return paths
}

const PLACES = ['prefix', 'interface', 'helper', 'labels', 'program', 'peer', 'host'] as const

describe.each(PLACES)('%s', (place) => {
  // A word that stands nowhere else in the documents.
  const plainName = place === 'prefix' ? 'plainword ' : place === 'host' ? 'plainhost' : 'plainword'
  const writtenAs = (text: string) => (place === 'peer' ? JSON.stringify(text) : place === 'prefix' ? `${text} ` : text)

  // An inventory with control characters is refused, a folder whose name is no UTF-8 is not read (broken.test.ts).
  const isPossible = (text: string) =>
    place === 'peer' ? !/[\x00-\x1f]|\x9b/.test(text) : place === 'host' ? !/\xff|\x9b/.test(text) : true

  test.each(HOSTILE.filter(isPossible))('%j', async (text) => {
    // An inventory and a folder's name are UTF-8.
    const isUtf8 = place === 'peer' || place === 'host'
    const chosen = isUtf8 ? Buffer.from(text, 'latin1').toString('utf8') : text
    const name = place === 'peer' ? Buffer.from(chosen, 'utf8').toString('latin1') : chosen
    const [plain, hostile] = await Promise.all([
      documents({ [place]: place === 'peer' ? JSON.stringify(plainName) : plainName }),
      documents({ [place]: writtenAs(name) }),
    ])
    expect(hostile.flat.length).toBe(plain.flat.length)
    expect(changed(plain.flat, hostile.flat, plainName.trim())).toEqual([])
    expect(hostile.printed).not.toMatch(CONTROL)
  })
})

describe('secret keys', () => {
  /** Characters of a key that must not be seen together. */
  const PIECE = 20
  const random = createRandom(7)
  const secret = () => Buffer.from(Array.from({ length: 32 }, () => random.below(256))).toString('base64')

  /** Pieces of PIECE characters of any secret, at any place of it, that stand in the text. */
  function traces(text: string, secrets: readonly string[]): string[] {
    const pieces = new Set<string>()
    for (const key of secrets) for (let at = 0; at + PIECE <= key.length; at++) pieces.add(key.slice(at, at + PIECE))
    const found: string[] = []
    for (let at = 0; at + PIECE <= text.length; at++)
      if (pieces.has(text.slice(at, at + PIECE))) found.push(text.slice(at, at + PIECE))
    return found
  }

  test('private and preshared keys in clear, in whole dumps and torn ones', async () => {
    const secrets: string[] = []
    const one = await demoCase()
    const keep = () => {
      const key = secret()
      secrets.push(key)
      return key
    }
    editDumps(one, (dump) => dump.replace(/\(hidden\)|(?<==\t)\(none\)(?=\t)/g, keep))
    // Rows torn anywhere, glued to the next, with columns lost: a key may then stand in any column.
    const torn = createRandom(11)
    edit(one, /wg\.snapshots$/, (text) =>
      text.replace(/^wg0\t.*\n/gm, (row) => {
        const at = torn.below(row.length)
        if (torn.below(40) !== 0) return row
        return (
          [row.slice(at), row.slice(0, at), row.replace('\t', ''), `#${row}`, row.replaceAll('\t', ' '), `\t${row}`][
            torn.below(6)
          ] ?? ''
        )
      }),
    )
    one.files.set(
      'gw1/wg0.conf',
      `[Interface]\nPrivateKey = ${keep()}\n[Peer]\nPublicKey = ${keep()}\nPresharedKey = ${keep()}\n`,
    )
    const { ndjson, printed, exit } = await replayCase(one)
    expect(exit).toBe(0)
    expect(secrets.length).toBeGreaterThan(1000)
    expect(traces(ndjson + printed, secrets)).toEqual([])
  })

  test('in the smallest capture, so that every document is seen', async () => {
    const secrets = [secret(), secret()]
    const [privateKey = '', presharedKey = ''] = secrets
    const { ndjson, printed } = await replayCase(miniature({ ...PLAIN, privateKey, presharedKey }))
    // The public key is seen, and would be found.
    expect(traces(ndjson, [PEER_KEY])).not.toEqual([])
    expect(traces(ndjson + printed, secrets)).toEqual([])
  })
})
