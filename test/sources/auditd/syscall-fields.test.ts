import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyFacts } from '../../../src/sources/auditd/facts-draft.ts'
import { readSyscall } from '../../../src/sources/auditd/syscall-fields.ts'
import { readFields, SYSCALL_FIELDS } from '../../../src/sources/auditd/task-fields.ts'
import { capture, eventsOf } from './lines-to-events.ts'

const BODY =
  'arch=c000003e syscall=42 success=no exit=-115 a0=3 a1=7ffcaa00bb80 a2=10 a3=7f8004aefa08 items=0 ppid=5257 pid=5375 ' +
  'auid=1002 uid=1 gid=2 euid=3 suid=4 fsuid=5 egid=6 sgid=7 fsgid=8 tty=pts0 ses=4 comm="sys" exe="/lab/sys" key="net"'

function read(body: string) {
  const facts = emptyFacts(1300, 'SYSCALL')
  return { isInOrder: readSyscall(facts, body), facts }
}

function readInAnyOrder(body: string) {
  const facts = emptyFacts(1300, 'SYSCALL')
  readFields(facts, body, body.length, SYSCALL_FIELDS)
  return facts
}

describe('a SYSCALL record', () => {
  it('is read field by field', () => {
    const { isInOrder, facts } = read(BODY)
    expect(isInOrder).toBe(true)
    expect(facts).toMatchObject({
      arch: 'c000003e',
      syscall: 42,
      isSuccess: false,
      exit: '-115',
      a0: '3',
      a3: '7f8004aefa08',
    })
    expect(facts).toMatchObject({
      ppid: 5257,
      pid: 5375,
      auid: 1002,
      uid: 1,
      gid: 2,
      euid: 3,
      suid: 4,
      fsuid: 5,
      egid: 6,
    })
    expect(facts).toMatchObject({ sgid: 7, fsgid: 8, tty: 'pts0', ses: 4, comm: 'sys', exe: '/lab/sys', keys: ['net'] })
  })

  it.each([
    ['per=', BODY.replace(' success', ' per=400000 success')],
    ['a label of AppArmor', BODY.replace(' key', ' subj=docker-default (enforce) key')],
    ['a label of SELinux', BODY.replace(' key', ' subj=unconfined_u:unconfined_r:t:s0-s0:c0.c1023 key')],
    ['neither success nor exit', BODY.replace(' success=no exit=-115', '')],
  ])('with %s is in the kernel’s order too', (_, body) => {
    const { isInOrder, facts } = read(body)
    expect(isInOrder).toBe(true)
    expect(facts).toEqual(readInAnyOrder(body))
  })

  it('keeps the label without its mode', () => {
    expect(read(BODY.replace(' key', ' subj=docker-default (enforce) key')).facts.subj).toBe('docker-default')
  })

  it('that did not return says nothing of success', () => {
    expect(read(BODY.replace(' success=no exit=-115', '')).facts).toMatchObject({ isSuccess: null, exit: '' })
  })

  it('holds several keys joined by 0x01, and odd names in hex', () => {
    const { facts } = read(BODY.replace('"net"', '66782D6B310166782D6B32').replace('"sys"', '62616422206E3D78'))
    expect(facts).toMatchObject({ keys: ['fx-k1', 'fx-k2'], comm: 'bad" n=x' })
  })

  it('of the captures is always in the kernel’s order, and says the same in any', () => {
    const names = [
      'audit-enriched-special.log',
      'audit-enriched-ssh-sudo-su.log',
      'audit-raw-multicast-ssh-sudo-su.txt',
    ]
    const records = names.flatMap((name) => [...eventsOf(capture(name)).values()].flatMap((event) => event.records))
    const calls = records.filter(({ name }) => name === 'SYSCALL')
    expect(calls.length).toBeGreaterThan(100)
    for (const { body } of calls) {
      expect(read(body)).toEqual({ isInOrder: true, facts: readInAnyOrder(body) })
    }
  })

  it('says the same in order and in any order, however it is mangled', () => {
    const fields = BODY.split(' ')
    const part = fc.oneof(
      { weight: 9, arbitrary: fc.nat(fields.length - 1).map((i) => fields[i] ?? '') },
      fc.constantFrom(
        'pid=',
        'pid=x',
        'uid=99999999999',
        '(enforce)',
        'subj=a',
        'key=(null)',
        'ses=-1',
        'comm="',
        '=',
        'auid=4294967295',
      ),
    )
    fc.assert(
      fc.property(fc.nat(fields.length), fc.array(part, { maxLength: 8 }), fc.nat(3), (at, parts, gone) => {
        const body = [...fields.slice(0, at), ...parts, ...fields.slice(at + gone)].join(' ')
        expect(read(body).facts).toEqual(readInAnyOrder(body))
      }),
      { numRuns: 3000 },
    )
  })
})
