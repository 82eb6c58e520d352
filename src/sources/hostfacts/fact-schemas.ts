/**
 * The shape of host facts, one fact at a time: each that has not its form becomes a problem in its place. Sizes are bounded; names
 * from the text become own properties of plain objects only (`Object.fromEntries`).
 */
import { z } from 'zod'
import { parseInstant } from '../../quantities.ts'
import { INSTANT_MAX } from '../../time.ts'
import { type Fact, type HostFacts, type ModuleState, NOT_IN_DUMP } from './facts.ts'

const BAD_FORM = 'the host facts have it in a form that is not known'

/** Characters of one value, and entries of one list. */
const TEXT_MAX = 4_096
const LIST_MAX = 20_000

/** No fact but a public key has a key in it: whoever wrote one down here, in a name or a message, did not mean to (design 2.7). */
const text = z.string().max(TEXT_MAX).transform(hideKeys)
const publicKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/)
const whole = z.number().int().nonnegative()
const micros = z.number().int().nonnegative().max(INSTANT_MAX)
const problem = z.object({ problem: text })
const listOf = <Schema extends z.ZodType>(schema: Schema) => z.array(schema).max(LIST_MAX)
/** A fact inside a fact. */
const factIn = <Schema extends z.ZodType>(schema: Schema) => z.union([problem, schema])

const moduleState = z.enum(['loaded', 'built-in', 'available', 'absent', 'unknown']) satisfies z.ZodType<ModuleState>
const fileFact = z.union([
  z.object({
    path: text,
    kind: z.enum(['file', 'directory', 'link', 'other']),
    mode: z.string().regex(/^[0-7]{3,4}$/),
    uid: whole,
    gid: whole,
    size: whole,
  }),
  z.object({ path: text, problem: text }),
])
const udpSocket = z.object({ address: text, port: whole.max(65_535) })
const systemdClock = z.object({
  timezone: text,
  isNtpOn: z.boolean().nullable(),
  isSynchronized: z.boolean().nullable(),
})
const chronyClock = z.object({ reference: text, stratum: whole, offset: z.number() })
const installedKernel = z.object({
  release: text,
  hasImage: z.boolean(),
  hasModules: z.boolean(),
  imageAt: micros.nullable(),
  wireguard: moduleState,
})
const kernelPackages = z.object({
  manager: z.literal('apt'),
  packages: listOf(z.object({ name: text, installed: text, candidate: text })),
  listsAt: micros.nullable(),
})
const linkFact = z.object({ name: text, index: whole, kind: text })
const packetSocket = z.object({
  type: z.enum(['raw', 'datagram', 'other']),
  protocol: z.string().regex(/^[0-9a-f]{4}$/),
  linkIndex: whole,
  link: text,
  uid: whole,
  process: text,
  pid: whole,
})
const storedPeer = z.object({
  publicKey,
  allowedIps: listOf(text),
  hasPresharedKey: z.boolean(),
  name: text,
  line: whole,
})
const storedFact = z.object({
  file: text,
  interface: text,
  publicKey: z.union([publicKey, z.literal('')]),
  conf: z.object({
    listenPort: z.number().int().min(-1).max(65_535),
    addresses: listOf(text),
    hasPrivateKey: z.boolean(),
    peers: listOf(storedPeer),
    problems: listOf(z.object({ line: whole, message: text })),
  }),
})
const keyTrace = z.object({
  path: text,
  member: text,
  kind: z.enum(['private-key', 'preshared-key']),
  form: z.enum(['setting', 'dump', 'key']),
  isCertain: z.boolean(),
  holder: text,
  mode: z.string().regex(/^[0-7]{3,4}$/),
  uid: whole,
  gid: whole,
  names: whole.optional(),
  readers: z.enum(['nobody', 'group', 'everybody']),
})
const keySearch = z.object({
  at: micros,
  paths: listOf(text),
  traces: listOf(keyTrace),
  filesRead: whole,
  leftOut: z.unknown().transform((value) => recordOf(value, whole)),
  leftOutPaths: listOf(z.object({ path: text, reason: text })),
  endedBy: text,
})

/** `problem`: why these are no host facts at all. */
export function readFacts(value: unknown): HostFacts | { readonly problem: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'is no JSON object' }
  if (own(value, 'version') !== 1) return { problem: 'has no "version": 1' }
  const machine = own(value, 'machine')
  const kernel = own(value, 'kernel')
  const audit = own(value, 'audit')
  const clock = own(value, 'clock')
  const kernels = own(value, 'kernels')
  const at = timeOf(own(value, 'at'))
  return {
    version: 1,
    ...(at === null ? {} : { at }),
    machine: {
      system: fact(own(machine, 'system'), text),
      distribution: fact(own(machine, 'distribution'), text),
      hostname: fact(own(machine, 'hostname'), text),
    },
    kernel: {
      release: fact(own(kernel, 'release'), text),
      version: fact(own(kernel, 'version'), text),
      bootId: fact(own(kernel, 'bootId'), text),
      modules: recordFact(own(kernel, 'modules'), moduleState),
    },
    sysctls: recordOf(own(value, 'sysctls'), factIn(text)),
    programs: recordOf(own(value, 'programs'), text),
    files: filesOf(own(value, 'files')),
    audit: {
      rules: fact(own(audit, 'rules'), listOf(text)),
      status: recordFact(own(audit, 'status'), text),
    },
    clock: { systemd: fact(own(clock, 'systemd'), systemdClock), chrony: fact(own(clock, 'chrony'), chronyClock) },
    udpSockets: fact(own(value, 'udpSockets'), listOf(udpSocket)),
    kernels: {
      installed: fact(own(kernels, 'installed'), listOf(installedKernel)),
      packages: fact(own(kernels, 'packages'), kernelPackages),
      rebootFor: fact(own(kernels, 'rebootFor'), listOf(text)),
    },
    links: fact(own(value, 'links'), listOf(linkFact)),
    packetSockets: fact(own(value, 'packetSockets'), listOf(packetSocket)),
    stored: fact(own(value, 'stored'), listOf(storedFact)),
    privateKeys: fact(own(value, 'privateKeys'), keySearch),
  }
}

function fact<Value>(value: unknown, schema: z.ZodType<Value>): Fact<Value> {
  if (value === undefined) return { problem: NOT_IN_DUMP }
  const told = problem.safeParse(value)
  if (told.success) return { problem: told.data.problem }
  const read = schema.safeParse(value)
  return read.success ? read.data : { problem: BAD_FORM }
}

/** A map by name, entries that have not their form left out; a fact when the whole is one. */
function recordFact<Value>(value: unknown, schema: z.ZodType<Value>): Fact<Readonly<Record<string, Value>>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fact(value, z.never())
  // A map with an entry of that name and nothing else is the reason why there is none.
  const told = problem.safeParse(value)
  return told.success ? { problem: told.data.problem } : recordOf(value, schema)
}

function recordOf<Value>(value: unknown, schema: z.ZodType<Value>): Readonly<Record<string, Value>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const entries = Object.entries(value).slice(0, LIST_MAX)
  return Object.fromEntries(
    entries.flatMap(([name, inner]): [string, Value][] => {
      const read = schema.safeParse(inner)
      return read.success && name.length <= TEXT_MAX ? [[hideKeys(name), read.data]] : []
    }),
  )
}

/** Text with whatever may be a key of WireGuard taken out. */
export function hideKeys(words: string): string {
  return words.replace(/[A-Za-z0-9+/]{43,}=/g, '(hidden)')
}

/** Files are a list without a place for a problem: what cannot be read is left out, and nothing follows from its absence. */
function filesOf(value: unknown): HostFacts['files'] {
  if (!Array.isArray(value)) return []
  return value.slice(0, LIST_MAX).flatMap((each) => {
    const read = fileFact.safeParse(each)
    return read.success ? [read.data] : []
  })
}

function timeOf(value: unknown): number | null {
  if (typeof value === 'string') return parseInstant(value.replace(',', '.').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  const read = micros.safeParse(value)
  return read.success ? read.data : null
}

/** An own property; undefined of what is no object. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
