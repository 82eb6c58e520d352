/** Where an audit record begins, in every shape, and what only looks like one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readHead } from '../../../src/sources/auditd/head.ts'

const AT = 1_795_344_889_559_000
const STAMP = '1795344889.559:126650'

const shown = (text: string) => {
  const head = readHead(text)
  return head === null ? null : { ...head, body: text.slice(head.bodyFrom) }
}

describe('the shapes of a record', () => {
  const same = { node: '', at: AT, serial: 126_650, type: 1300, name: 'SYSCALL', body: 'arch=c000003e' }

  test.each([
    [`type=SYSCALL msg=audit(${STAMP}): arch=c000003e`, 'file'],
    [`1300|audit(${STAMP}): arch=c000003e`, 'netlink'],
    [`1300 audit(${STAMP}): arch=c000003e`, 'netlink'],
    [`audit: type=1300 audit(${STAMP}): arch=c000003e`, 'kernel-log'],
    [`[   12.345678] audit: type=1300 audit(${STAMP}): arch=c000003e`, 'kernel-log'],
    [`Nov 22 10:54:49 db1 kernel: [   12.345678] audit: type=1300 audit(${STAMP}): arch=c000003e`, 'kernel-log'],
    [`2026-11-22T10:54:49.6+00:00 db1 kernel: audit: type=1300 audit(${STAMP}): arch=c000003e`, 'kernel-log'],
    [`Nov 22 10:54:49 db1 audispd: type=SYSCALL msg=audit(${STAMP}): arch=c000003e`, 'syslog'],
    [`Nov 22 10:54:49 db1 audisp-syslog[912]: type=SYSCALL msg=audit(${STAMP}): arch=c000003e`, 'syslog'],
  ])('%s', (text, shape) => {
    const head = shown(text)
    expect(head).toMatchObject({ ...same, shape })
  })

  test('node= stands before the type, also with a blank in it', () => {
    expect(shown(`node=db1 type=SYSCALL msg=audit(${STAMP}): x`)).toMatchObject({ node: 'db1', body: 'x' })
    expect(shown(`node=data base type=SYSCALL msg=audit(${STAMP}): x`)).toMatchObject({ node: 'data base', body: 'x' })
    expect(shown(`Nov 22 10:54:49 log audispd: node=db1 type=CWD msg=audit(${STAMP}): x`)).toMatchObject({
      node: 'db1',
    })
  })

  test('one blank belongs to the head: a further EXECVE record begins with another', () => {
    expect(shown(`type=EXECVE msg=audit(${STAMP}):  a1[1]=41`)?.body).toBe(' a1[1]=41')
    expect(shown(`1320|audit(${STAMP}): `)?.body).toBe('')
    expect(shown(`1320|audit(${STAMP}):`)?.body).toBe('')
  })

  test('types nobody knows are kept', () => {
    expect(shown(`type=UNKNOWN[1999] msg=audit(${STAMP}): x`)).toMatchObject({ type: 1999, name: 'UNKNOWN[1999]' })
    expect(shown(`type=UNKNOWN[1327] msg=audit(${STAMP}): x`)).toMatchObject({ type: 1327, name: 'UNKNOWN[1327]' })
    expect(shown(`type=1327 msg=audit(${STAMP}): x`)).toMatchObject({ type: 1327, name: 'PROCTITLE' })
    expect(shown(`1999|audit(${STAMP}): x`)).toMatchObject({ type: 1999, name: 'UNKNOWN[1999]' })
    expect(shown(`type=NEWER msg=audit(${STAMP}): x`)).toMatchObject({ type: -1, name: 'NEWER' })
  })
})

describe('no record begins', () => {
  test.each([
    ` type=SYSCALL msg=audit(${STAMP}): x`,
    `x type=SYSCALL msg=audit(${STAMP}): x`,
    `atype=SYSCALL msg=audit(${STAMP}): x`,
    `type= msg=audit(${STAMP}): x`,
    `type=A-B msg=audit(${STAMP}): x`,
    `type=UNKNOWN[x] msg=audit(${STAMP}): x`,
    `type=SYSCALL  msg=audit(${STAMP}): x`,
    'type=X msg=audit(1:1): node with space',
    'type=X msg=audit(1.1:1): x',
    'type=X msg=audit(1.1234:1): x',
    'type=X msg=audit(1.123:): x',
    'type=X msg=audit(1.123:1) x',
    'type=X msg=audit(.123:1): x',
    'type=X msg=audit(99999999999.123:1): x',
    'type=X msg=audit(1.123:4294967296): x',
    'type=X msg=audit(-1.123:1): x',
    `node= type=SYSCALL msg=audit(${STAMP}): x`,
    `node=${'n'.repeat(256)} type=SYSCALL msg=audit(${STAMP}): x`,
    `70000|audit(${STAMP}): x`,
    `Nov 22 10:54:49 db1 sshd[9]: type=SYSCALL msg=audit(${STAMP}): x`,
    `Nov 22 10:54:49 db1 kernel[9]: audit: type=1300 audit(${STAMP}): x`,
    `Nov 22 10:54:49 db1 sshd: audispd: type=SYSCALL msg=audit(${STAMP}): x`,
    'line type=Z',
    '',
  ])('%s', (text) => {
    expect(readHead(text)).toBeNull()
  })

  test('within what a process chose, wherever it stands', () => {
    const text = `type=EXECVE msg=audit(${STAMP}): argc=2 a0="x" a1="type=LOGIN msg=audit(1.000:1):"`
    expect(readHead(text)).toMatchObject({ serial: 126_650, name: 'EXECVE' })
  })
})

test('any stamp and serial are read back', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 9_999_999_999 }),
      fc.nat({ max: 999 }),
      fc.nat({ max: 0xffff_ffff }),
      fc.nat({ max: 0xffff }),
      (seconds, ms, serial, type) => {
        const stamp = `${seconds}.${String(ms).padStart(3, '0')}:${serial}`
        const at = seconds * 1_000_000 + ms * 1000
        expect(readHead(`${type}|audit(${stamp}): a`)).toMatchObject({ at, serial, type })
        expect(readHead(`type=UNKNOWN[${type}] msg=audit(${stamp}): a`)).toMatchObject({ at, serial, type })
      },
    ),
  )
})

test('any bytes are a head or none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const head = readHead(text)
      if (head !== null) expect(head.bodyFrom).toBeLessThanOrEqual(text.length)
    }),
  )
})
