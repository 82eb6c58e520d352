import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAuditPath, readInAnyOrder } from '../../../src/sources/auditd/audit-path.ts'
import { capture, eventsOf } from './lines-to-events.ts'

const BODY =
  'item=1 name="/etc/shadow" inode=612 dev=fe:00 mode=0100640 ouid=0 ogid=42 rdev=00:00 obj=system_u:object_r:shadow_t:s0 ' +
  'nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0'

describe('a path', () => {
  it('is read field by field', () => {
    const path = {
      item: 1,
      name: '/etc/shadow',
      inode: '612',
      device: 'fe:00',
      mode: '0100640',
      ouid: 0,
      ogid: 42,
      nametype: 'NORMAL',
    }
    expect(readAuditPath(BODY)).toEqual(path)
    expect(readAuditPath(BODY.replace(/ obj=\S+/, ''))).toEqual(path)
    expect(readAuditPath(BODY.replace(/ ouid=0/, '').replace('item=1', 'ouid=7 item=1'))).toEqual({ ...path, ouid: 7 })
  })

  it('of a file that is not there has a name, or not even that', () => {
    const path = { item: 0, inode: '', device: '', mode: '', ouid: -1, ogid: -1, nametype: 'UNKNOWN' }
    expect(readAuditPath('item=0 name="/tmp/x" nametype=UNKNOWN cap_fp=0')).toEqual({ ...path, name: '/tmp/x' })
    expect(readAuditPath('item=0 name=(null) nametype=UNKNOWN')).toEqual({ ...path, name: '' })
  })

  it('may hold blanks, line feeds and what looks like fields', () => {
    const name = '/w dir/n w\nx nametype=DELETE ouid=0'
    const hex = Buffer.from(name).toString('hex').toUpperCase()
    expect(readAuditPath(BODY.replace('"/etc/shadow"', hex))).toMatchObject({ name, nametype: 'NORMAL', ogid: 42 })
  })

  it('says the same in order and in any order', () => {
    const names = ['audit-enriched-special.log', 'audit-enriched-ssh-sudo-su.log', 'audit-enriched-line-injection.log']
    const records = names.flatMap((name) => [...eventsOf(capture(name)).values()].flatMap((event) => event.records))
    const bodies = records.filter(({ name }) => name === 'PATH').map(({ body }) => body)
    expect(bodies.length).toBeGreaterThan(50)
    for (const body of bodies) expect(readAuditPath(body)).toEqual(readInAnyOrder(body))
    const fields = BODY.split(' ')
    const part = fc.oneof(
      fc.nat(fields.length - 1).map((i) => fields[i] ?? ''),
      fc.constantFrom('item=2', 'name="', 'ouid=x', 'ouid=4294967295', 'word', '=', 'nametype='),
    )
    fc.assert(
      fc.property(fc.nat(fields.length), fc.array(part, { maxLength: 5 }), fc.nat(3), (at, parts, gone) => {
        const body = [...fields.slice(0, at), ...parts, ...fields.slice(at + gone)].join(' ')
        expect(readAuditPath(body)).toEqual(readInAnyOrder(body))
      }),
      { numRuns: 2000 },
    )
  })
})
