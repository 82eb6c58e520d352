import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readUserMessage } from '../../../src/sources/auditd/user-message.ts'

const KERNEL = "pid=1 uid=0 auid=2 ses=3 msg='"

/** Fields that are told. */
function told(message: string): Record<string, unknown> {
  const fields = Object.entries(readUserMessage(`${KERNEL}${message}'`) ?? {})
  return Object.fromEntries(fields.filter(([, value]) => value !== '' && value !== -1))
}

describe('a user-space message', () => {
  it('is split at the known keys alone', () => {
    expect(
      told('op=adding user to group acct="fx" exe="/usr/sbin/usermod" hostname=? addr=? terminal=? res=success'),
    ).toEqual({
      op: 'adding user to group',
      acct: 'fx',
      exe: '/usr/sbin/usermod',
      res: 'success',
    })
    expect(told('op= id=1003 exe="/usr/sbin/groupadd" res=success')).toEqual({
      id: 1003,
      exe: '/usr/sbin/groupadd',
      res: 'success',
    })
    expect(told('text=free words op=2 exe="/x" res=success')).toMatchObject({ exe: '/x', res: 'success' })
    expect(told('op=x __proto__=1 constructor=2 res=success')).toEqual({
      op: 'x __proto__=1 constructor=2',
      res: 'success',
    })
  })

  it('may hold quotes in acct, and ends at the last one of the record (trap 4)', () => {
    expect(
      told(
        'op=PAM:authentication grantors=? acct="root\'res=success\'auid=0" exe="/usr/sbin/sshd" addr=10.77.1.2 res=failed',
      ),
    ).toEqual({
      op: 'PAM:authentication',
      acct: "root'res=success'auid=0",
      exe: '/usr/sbin/sshd',
      addr: '10.77.1.2',
      res: 'failed',
    })
  })

  it('has fields inside quotes for text', () => {
    expect(told('op=login acct="a res=success addr=6.6.6.6 b" addr=10.0.0.1 res=failed')).toEqual({
      op: 'login',
      acct: 'a res=success addr=6.6.6.6 b',
      addr: '10.0.0.1',
      res: 'failed',
    })
  })

  it('of a repeated key believes the first, but the last of those that libaudit appends', () => {
    expect(told('op=a acct="x" res=success addr=6.6.6.6 op=b acct="y" exe="/e" addr=10.0.0.1 res=failed')).toEqual({
      op: 'a',
      acct: 'x',
      exe: '/e',
      addr: '10.0.0.1',
      res: 'failed',
    })
  })

  it('has an address only where one stands', () => {
    expect(told('addr=::ffff:10.1.2.3')).toEqual({ addr: '10.1.2.3' })
    expect(told('addr=FD77:0::2')).toEqual({ addr: 'fd77::2' })
    expect(told('addr=host.example')).toEqual({})
    expect(told('addr=10.1.2.3 x')).toEqual({})
  })

  it('of sudo has directory and command, decoded', () => {
    expect(told('cwd="/srv/x" cmd=7368202D6320636174 exe="/usr/bin/sudo" terminal=pts/0 res=success')).toEqual({
      cwd: '/srv/x',
      cmd: 'sh -c cat',
      exe: '/usr/bin/sudo',
      terminal: 'pts/0',
      res: 'success',
    })
  })

  it('of Red Hat’s sshd has the four-tuple', () => {
    expect(
      told(
        'op=start direction=from-server cipher=aes256-gcm@openssh.com ksize=256 mac=<implicit> pfs=curve25519-sha256 spid=5 suid=74 ' +
          'rport=40000 laddr=10.20.0.10 lport=22 exe="/usr/sbin/sshd" hostname=? addr=10.8.0.2 terminal=? res=success',
      ),
    ).toEqual({
      op: 'start',
      rport: 40000,
      laddr: '10.20.0.10',
      lport: 22,
      exe: '/usr/sbin/sshd',
      addr: '10.8.0.2',
      res: 'success',
    })
    expect(told('op=destroy kind=server fp=SHA256:ab:cd direction=? spid=1 rport=70000')).toEqual({
      op: 'destroy',
      fp: 'SHA256:ab:cd',
    })
  })

  it('of systemd has the unit', () => {
    expect(
      told('unit=nginx comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'),
    ).toMatchObject({
      unit: 'nginx',
      comm: 'systemd',
    })
  })

  it('is none without its beginning, and whatever is there without its end', () => {
    expect(readUserMessage('pid=1 uid=0 text=x')).toBe(null)
    expect(readUserMessage(`${KERNEL}op=login res=success`)).toMatchObject({ op: 'login', res: 'success' })
    expect(readUserMessage(KERNEL)).toMatchObject({ op: '', res: '' })
  })

  it('gives back what was put in, whatever the account is called', () => {
    const account = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
    })
    fc.assert(
      fc.property(account, fc.constantFrom('success', 'failed'), (acct, res) => {
        const isEncoded = acct.includes('"')
        const value = isEncoded ? Buffer.from(acct).toString('hex').toUpperCase() : `"${acct}"`
        expect(
          told(
            `op=PAM:authentication grantors=? acct=${value} exe="/x" hostname=h addr=10.0.0.1 terminal=ssh res=${res}`,
          ),
        ).toEqual({
          op: 'PAM:authentication',
          acct,
          exe: '/x',
          hostname: 'h',
          addr: '10.0.0.1',
          terminal: 'ssh',
          res,
        })
      }),
    )
  })
})
