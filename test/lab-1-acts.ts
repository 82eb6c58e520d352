/**
 * What happened in lab-1 that somebody should hear of, by its truth; and the same capture as if it had not happened: without the
 * lines that show it, everything else as it was.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A line of truth.jsonl, as far as it is looked at (fixtures/lab-1/README.md). */
export type Truth = {
  readonly kind: string
  readonly t: number
  readonly id?: string
  readonly what?: string
  readonly peer?: string
  readonly key?: string
  readonly gateway?: string
  readonly host?: string
  readonly user?: string
  readonly source?: string
  readonly text?: string
  readonly flow?: string
  readonly src?: string
  readonly sport?: number
  readonly dst?: string
  readonly dport?: number
  readonly ports?: readonly [number, number]
  readonly resource?: string | null
  readonly policy?: string | null
  readonly expect?: string
  readonly connected?: boolean
  readonly service?: string
  readonly ok?: boolean
  readonly ses?: number | null
  readonly op?: string
  readonly path?: string
  readonly expect_audit?: boolean
  readonly reason?: string
  readonly live?: readonly string[]
  readonly documented?: readonly string[]
  readonly uses_undocumented_source?: string
  readonly expect_absent?: boolean
  readonly commands?: readonly string[]
  readonly old_peer?: string
  readonly new_peer?: string
  readonly t0?: number
  readonly t1?: number
  readonly file?: string
  readonly spans?: string
  readonly server?: { readonly src: string; readonly sport: number } | null
}

export function readTruth(path: string): Truth[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  // Written by the lab: objects of this shape.
  return lines.map((line) => JSON.parse(line) as Truth)
}

/** Peers whose whole presence is the act. */
const WHOLE_PEERS = new Set([
  'peer_not_in_inventory',
  'counters_grow_with_stale_handshake',
  'expired_peer_still_active',
])

/** Changes the copy of the capture in `directory`. */
export function cutActs(directory: string, truth: readonly Truth[]): void {
  const peers = new Set(
    truth.flatMap(({ kind, what = '', peer = '', new_peer: next = '' }) => {
      if (kind === 'planted' && WHOLE_PEERS.has(what)) return [peer]
      if (kind === 'revoked') return [peer]
      return kind === 'address_reuse' ? [next] : []
    }),
  )
  const flows = truth.filter((each) => each.kind === 'flow' && isPartOfAct(each, truth, peers))
  cutPackets(directory, flows, truth)
  cutPolls(directory, truth, peers)
  cutAudit(directory, flows, truth)
}

function isPartOfAct(flow: Truth, truth: readonly Truth[], peers: ReadonlySet<string>): boolean {
  const { peer = '', policy, expect, src, dst, dport = 0, service, id } = flow
  if (peers.has(peer) || service === 'ssh') return true
  if (policy === 'violation' && expect === 'accept') return true
  return truth.some((act) => {
    if (act.kind === 'scan')
      return act.peer === peer && act.dst === dst && dport >= (act.ports?.[0] ?? 1) && dport <= (act.ports?.[1] ?? 0)
    if (act.kind === 'hostile_login') return act.flow === id
    return act.kind === 'planted' && act.peer === peer && act.uses_undocumented_source === src
  })
}

function cutPackets(directory: string, flows: readonly Truth[], truth: readonly Truth[]): void {
  const packets = new Set(flows.map(({ gateway, src, sport }) => `${gateway} ${src} ${sport}`))
  const forged = truth.filter(({ kind }) => kind === 'forged').map(({ text = '' }) => text.trim())
  for (const gateway of new Set(flows.map((flow) => flow.gateway ?? ''))) {
    rewrite(directory, gateway, /^kern\.log/, (line) => {
      const [, src] = / SRC=(\S+) /.exec(line) ?? []
      const [, sport] = / SPT=(\d+) /.exec(line) ?? []
      return packets.has(`${gateway} ${src} ${sport}`) || forged.some((text) => line.includes(text))
    })
    rewrite(directory, gateway, /^conntrack\.log/, (line) => {
      const [, src, sport] = / src=(\S+) dst=\S+ sport=(\d+) /.exec(line) ?? []
      return packets.has(`${gateway} ${src} ${sport}`)
    })
  }
}

function cutPolls(directory: string, truth: readonly Truth[], peers: ReadonlySet<string>): void {
  const keys = new Set(
    truth.filter(({ kind, peer = '' }) => kind === 'peer_added' && peers.has(peer)).map(({ key = '' }) => key),
  )
  const wider = truth.filter(({ what }) => what === 'allowed_ips_broader_than_documented')
  for (const gateway of new Set(truth.flatMap((each) => each.gateway ?? [])))
    rewrite(
      directory,
      gateway,
      /^wg\.snapshots/,
      (line) => keys.has(line.split('\t')[1] ?? ''),
      (line) => {
        const cells = line.split('\t')
        const act = wider.find(({ key, gateway: where }) => key === cells[1] && where === gateway)
        if (act === undefined) return line
        // Whatever order wg prints them in.
        const kept = (cells[4] ?? '').split(',').filter((prefix) => act.documented?.includes(prefix))
        return [...cells.slice(0, 4), kept.join(','), ...cells.slice(5)].join('\t')
      },
    )
}

/** Whole audit events: those of the logins, of sshd that made them, and of the connections that were cut. */
function cutAudit(directory: string, flows: readonly Truth[], truth: readonly Truth[]): void {
  const sessions = new Set(truth.flatMap(({ kind, ses }) => (kind === 'ssh' && ses != null ? [String(ses)] : [])))
  const clients = new Set(flows.flatMap(({ server }) => (server == null ? [] : [`${server.src} ${server.sport}`])))
  const forged = truth
    .filter(({ kind, source }) => kind === 'forged' && source === 'audit')
    .map(({ text = '' }) => text)
  const isCut = (line: string) => {
    const [, ses = ''] = / ses=(\d+)/.exec(line) ?? []
    const [, address, port] = / laddr=(\S+) lport=(\d+)/.exec(line) ?? []
    return (
      sessions.has(ses) ||
      line.includes('sshd') ||
      clients.has(`${address} ${port}`) ||
      forged.some((text) => line.includes(text))
    )
  }
  for (const host of new Set(
    truth.flatMap(({ kind, host: name }) => (kind === 'ssh' && name !== undefined ? [name] : [])),
  )) {
    const cut = new Set(
      filesOf(directory, host, /^audit\.log/)
        .flatMap((path) => readFileSync(path, 'latin1').split('\n'))
        .filter(isCut)
        .map(eventOf),
    )
    rewrite(directory, host, /^audit\.log/, (line) => cut.has(eventOf(line)))
  }
}

function eventOf(line: string): string {
  return /msg=(audit\([^)]*\))/.exec(line)?.[1] ?? line
}

function rewrite(
  directory: string,
  host: string,
  name: RegExp,
  isCut: (line: string) => boolean,
  changed: (line: string) => string = (line) => line,
): void {
  for (const path of filesOf(directory, host, name)) {
    const lines = readFileSync(path, 'latin1').split('\n')
    writeFileSync(
      path,
      lines
        .filter((line) => !isCut(line))
        .map(changed)
        .join('\n'),
      'latin1',
    )
  }
}

function filesOf(directory: string, host: string, name: RegExp): string[] {
  const folder = join(directory, host)
  return readdirSync(folder)
    .filter((each) => name.test(each))
    .map((each) => join(folder, each))
}
