import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventWriter } from '../../../src/correlate/event-printer.ts'
import { createAuditDocuments } from '../../../src/correlate/hosts/audit-documents.ts'
import { createFacet, flatten } from '../../../src/event.ts'
import { parseEvent, printEvent } from '../../../src/event-json.ts'
import type { AuditFacts, AuditPath, SocketAddress, UserMessage } from '../../../src/sources/auditd/facts.ts'
import type { AuditEvent, AuditRecord } from '../../../src/sources/auditd/record.ts'
import { expectLegal } from '../../event-rules.ts'
import { AT } from './made-audit.ts'

const HOSTILE = [
  '',
  '?',
  'x',
  '"q" \\ ',
  '\u001b[31m',
  'a\0b',
  '__proto__',
  '<script>',
  "root'res=success'auid=0",
  '../..//x',
  'x"y\\'.repeat(20),
  '\u0141"\u{1f600}'.repeat(20),
]
const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 12 }))
const long = fc.oneof(text, fc.constant('A'.repeat(9000)), fc.constant(`${'A'.repeat(8190)}\u{1f600}`))
const id = fc.constantFrom(-1, 0, 33, 1002, 4_294_967_294)
const number = (max: number) => fc.oneof(fc.constant(-1), fc.integer({ min: 0, max }))
const address = fc.constantFrom('', '10.77.1.2', 'fd08::2', '0.0.0.0')

const path: fc.Arbitrary<AuditPath> = fc.record({
  item: fc.nat(9),
  name: fc.oneof(text, fc.constantFrom('/etc/shadow', '/', 'a/../b')),
  inode: fc.constantFrom('', '921833'),
  device: fc.constantFrom('', 'fd:02'),
  mode: fc.constantFrom('', '0', '0100644', '040755', '0120777'),
  ouid: id,
  ogid: id,
  nametype: fc.constantFrom('NORMAL', 'PARENT', 'CREATE', 'DELETE', 'UNKNOWN', ''),
})
const socket: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc.record({
    family: fc.constantFrom('local' as const, 'netlink' as const, 'vsock' as const, 'other' as const),
    address: fc.constant(''),
    port: fc.constant(-1),
    path: text,
  }),
  fc.record({
    family: fc.constantFrom('inet' as const, 'inet6' as const),
    address,
    port: number(65535),
    path: fc.constant(''),
  }),
)
const message: fc.Arbitrary<UserMessage> = fc.record({
  op: text,
  acct: fc.oneof(text, fc.constant('(invalid user)')),
  id,
  exe: text,
  hostname: text,
  addr: address,
  terminal: text,
  res: fc.constantFrom('', 'success', 'failed'),
  cwd: text,
  cmd: long,
  unit: text,
  comm: text,
  grantors: text,
  laddr: address,
  lport: number(65535),
  rport: number(65535),
  fp: text,
})
const login = fc.record({
  pid: number(4_194_304),
  oldAuid: id,
  auid: id,
  oldSes: number(4_294_967_294),
  ses: number(4_294_967_294),
  isSuccess: fc.boolean(),
})
const netfilter = fc.record({
  table: text,
  family: number(20),
  entries: number(9999),
  op: text,
  pid: number(4_194_304),
  comm: text,
})

const facts: fc.Arbitrary<AuditFacts> = fc.record({
  type: fc.constantFrom(-1, 1006, 1300, 1325),
  typeName: fc.constantFrom(
    'SYSCALL',
    'LOGIN',
    'USER_LOGIN',
    'USER_START',
    'ADD_USER',
    'GRP_MGMT',
    'NETFILTER_CFG',
    'AVC',
    'USER_CMD',
    'CRYPTO_SESSION',
    'SERVICE_STOP',
    'CONFIG_CHANGE',
    'UNKNOWN[1423]',
    'EXECVE',
    'KERN_MODULE',
    'USER',
  ),
  pid: number(4_194_304),
  ppid: number(4_194_304),
  auid: id,
  ses: number(4_294_967_294),
  uid: id,
  gid: id,
  euid: id,
  suid: id,
  fsuid: id,
  egid: id,
  sgid: id,
  fsgid: id,
  tty: fc.oneof(text, fc.constant('(none)')),
  comm: text,
  exe: text,
  subj: text,
  arch: fc.constantFrom('', 'c000003e', 'ffffffff'),
  syscall: number(500),
  syscallName: fc.constantFrom('', 'execve', 'openat', 'renameat2', 'connect', 'accept4', 'bind', 'ptrace', 'mount'),
  isSuccess: fc.constantFrom(null, true, false),
  exit: fc.constantFrom('', '0', '-13', '-115', '-9999'),
  a0: fc.constantFrom('', '3', 'ffffff9c', 'ffffffffffffff9c'),
  a1: text,
  a2: fc.constantFrom('', 'ffffff9c', '0'),
  a3: text,
  keys: fc.array(text, { maxLength: 3 }),
  cwd: fc.constantFrom('', '/', '/root', 'x'),
  paths: fc.array(path, { maxLength: 5 }),
  args: fc.array(long, { maxLength: 4 }),
  argsCount: fc.nat(9),
  title: text,
  socket: fc.option(socket),
  message: fc.option(message),
  netfilter: fc.option(netfilter),
  login: fc.option(login),
  names: fc
    .array(fc.tuple(fc.constantFrom('uid', 'auid', 'euid', 'gid', 'egid', 'suid', 'fsgid'), text), { maxLength: 7 })
    .map((pairs) => new Map(pairs)),
})

const record: fc.Arbitrary<AuditRecord> = fc
  .tuple(
    fc.constantFrom('SYSCALL', 'AVC'),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }),
  )
  .map(([name, body]) => ({ type: 1300, name, body, enriched: '', raw: `type=${name} msg=audit(1.2:3): ${body}` }))

const event: fc.Arbitrary<AuditEvent> = fc
  .record({
    serial: fc.nat(4_294_967_295),
    node: fc.oneof(fc.constant(''), fc.constant('db"1')),
    boot: fc.nat(3),
    part: fc.nat(2),
    records: fc.array(record, { minLength: 1, maxLength: 4 }),
    completeness: fc.constantFrom('complete' as const, 'incomplete' as const, 'capped' as const),
    dropped: fc.nat(9),
  })
  .map((made) => ({
    ...made,
    kind: 'audit' as const,
    arrival: AT,
    placeAt: AT,
    at: AT,
    file: { name: 'audit.log', identity: 'a'.repeat(14) },
    offset: 7,
  }))

const identity = createFacet({
  'wireguard.peer.public_key': 'e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc=',
  'wireguard.attribution.status': 'exact',
  'wireguard.attribution.hops': ['app1/7'],
  'process.entry_leader.entry_meta.type': 'sshd',
  'process.entry_leader.entry_meta.source.ip': '10.8.0.2',
  'observer.name': 'gw1',
})

test('documents are legal, and printed as the general printer prints them, whatever the records hold', () => {
  const toDocument = createAuditDocuments('db"1')
  const writer = createEventWriter()
  fc.assert(
    fc.property(
      event,
      facts,
      fc.constantFrom(null, identity),
      fc.array(
        text.filter((name) => name !== ''),
        { maxLength: 2 },
      ),
      fc.constantFrom('' as const, 'wireguard' as const, 'nftables' as const),
      (made, read, who, people, change) => {
        const document = toDocument(made, read, {
          identity: who,
          people,
          hosts: people,
          addresses: ['10.8.0.2'],
          change,
        })
        expectLegal(document)
        const block = Buffer.alloc(400_000)
        const end = writer.write(document, block, 100)
        const written = block.subarray(100, end).toString('latin1')
        expect(written.at(-1)).toBe('\n')
        expect(parseEvent(written)).toEqual(flatten(document))
        expect(parseEvent(printEvent(document))).toEqual(flatten(document))
      },
    ),
    { numRuns: 500 },
  )
})

test('a long event.original is cut where the general printer cuts it, whatever stands there', () => {
  const toDocument = createAuditDocuments('db1')
  const writer = createEventWriter()
  const extra = { identity: null, people: [], hosts: [], addresses: [], change: '' } as const
  const rawOf = fc.tuple(
    fc.integer({ min: 65_530, max: 65_540 }),
    fc.constantFrom('a', '"', '\x1d', '\x7f', '\xc3\xa9'),
  )
  const line = (text: string): AuditRecord => ({ type: 1300, name: 'SYSCALL', body: '', enriched: '', raw: text })
  fc.assert(
    fc.property(event, facts, rawOf, fc.nat(3), (made, read, [length, end], before) => {
      const records = [
        ...Array.from({ length: before }, () => line('')),
        line(`${'x'.repeat(length)}${end}y`),
        line('z"'),
      ]
      const document = toDocument({ ...made, records }, read, extra)
      const block = Buffer.alloc(8_000_000)
      const written = block.toString('latin1', 0, writer.write(document, block, 0))
      expect(parseEvent(written)['event.original']).toBe(flatten(document)['event.original'])
    }),
    { numRuns: 60 },
  )
})
