/**
 * Gathers host facts (sources/hostfacts/facts.ts), for the hourly dump of the daemon and for `doctor`. Reads /proc, looks at files and asks
 * the programs that are there; changes nothing, and needs no rights: what it may not see it says.
 */

import type { Clock } from '../clock.ts'
import { createSystemClock } from '../clock.ts'
import type { CollectorDeps } from '../collectors/collector.ts'
import {
  createDumpCollector,
  type DumpCollector,
  type DumpOptions,
  type Gathered,
} from '../collectors/dump-collector.ts'
import { type Fact, type HostFacts, isKnown } from '../../sources/hostfacts/facts.ts'
import { directoryFacts, fileFact } from './file-facts.ts'
import { kernelLine, moduleFacts, sysctlFacts, udpSockets } from './kernel-facts.ts'
import { auditFacts, chronyClock, programFacts, systemdClock } from './program-facts.ts'
import { readFact } from './read-fact.ts'

export type HostfactsSources = {
  /** Top of the file system; `/` when not given. */
  readonly root?: string
  /** Logs that are read, for their modes. */
  readonly logs?: readonly string[]
  readonly clock?: Clock
}

/** Takes up to some seconds where a program does not answer. Never rejects. */
export async function gatherHostfacts(sources: HostfactsSources = {}): Promise<HostFacts> {
  const root = sources.root ?? '/'
  const clock = sources.clock ?? createSystemClock()
  const programs = programFacts(root)
  const [audit, systemd, chrony] = await Promise.all([
    auditFacts(programs, clock),
    systemdClock(programs, clock),
    chronyClock(programs, clock),
  ])
  const release = osRelease(root)
  return {
    version: 1,
    machine: {
      system: ofRelease(release, 'PRETTY_NAME'),
      distribution: ofRelease(release, 'ID'),
      hostname: kernelLine(root, 'proc/sys/kernel/hostname'),
    },
    kernel: {
      release: kernelLine(root, 'proc/sys/kernel/osrelease'),
      version: kernelLine(root, 'proc/sys/kernel/version'),
      bootId: kernelLine(root, 'proc/sys/kernel/random/boot_id'),
      modules: moduleFacts(root),
    },
    sysctls: sysctlFacts(root),
    programs,
    files: [...directoryFacts(root, '/etc/wireguard'), ...(sources.logs ?? []).map((path) => fileFact(root, path))],
    audit,
    clock: { systemd, chrony },
    udpSockets: udpSockets(root),
  }
}

/** Facts as dated dumps of one line of JSON each, at the start and by period. */
export function createHostfactsCollector(
  options: DumpOptions & { readonly logs: readonly string[]; readonly root?: string },
  deps: CollectorDeps,
): DumpCollector {
  const clock = { now: deps.now, after: deps.after ?? createSystemClock().after }
  const sources = { logs: options.logs, clock, ...(options.root === undefined ? {} : { root: options.root }) }
  const gather = () => {
    const facts = gatherHostfacts(sources).then((found) => ({
      body: Buffer.from(`${JSON.stringify(found)}\n`, 'utf8'),
      problem: '',
    }))
    let stop = () => {}
    const stopped = new Promise<Gathered>((resolve) => {
      stop = () => resolve({ body: null, problem: '' })
    })
    // A program that does not answer is not waited for at the end; its own limit, or our exit, ends it.
    return { done: Promise.race([facts, stopped]), stop }
  }
  return createDumpCollector(options, [], gather, deps)
}

/** os-release(5): `ID=debian`, `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`. */
function osRelease(root: string): Fact<string> {
  const own = readFact(`${root}/etc/os-release`)
  return isKnown(own) ? own : readFact(`${root}/usr/lib/os-release`)
}

function ofRelease(text: Fact<string>, name: string): Fact<string> {
  if (!isKnown(text)) return text
  const line = text.split('\n').find((each) => each.startsWith(`${name}=`))
  if (line === undefined) return { problem: `os-release has no ${name}` }
  return line.slice(name.length + 1).replace(/^(["'])(.*)\1$/, '$2')
}
