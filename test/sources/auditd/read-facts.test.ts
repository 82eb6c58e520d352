import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyFacts } from '../../../src/sources/auditd/facts-draft.ts'
import { createFactsReader, PATHS_MAX } from '../../../src/sources/auditd/read-facts.ts'
import { eventOf, factsOf } from './lines-to-events.ts'

const CALL =
  'SYSCALL arch=c000003e syscall=46 success=yes exit=268 a0=3 a1=7f a2=0 a3=7e items=0 ppid=5257 pid=5271 auid=1002 uid=65534 ' +
  'gid=65534 euid=65534 suid=65534 fsuid=65534 egid=65534 sgid=65534 fsgid=65534 tty=pts0 ses=4 comm="nft" exe="/usr/sbin/nft" key=(null)'
const LOGIN = 'LOGIN pid=1637 uid=0 old-auid=4294967295 auid=1002 tty=(none) old-ses=4294967295 ses=2 res=1'
const TITLE = 'PROCTITLE proctitle=6E6674002D66002D'

describe('the record that names an event', () => {
  it.each([
    [[CALL, 'SOCKADDR saddr=0200', TITLE], 'SYSCALL'],
    [[LOGIN, CALL, TITLE], 'LOGIN'],
    [[CALL, TITLE, LOGIN], 'LOGIN'],
    [['NETFILTER_CFG table=a:1 family=1 entries=1 op=nft_register_table pid=1 comm="nft"', CALL], 'NETFILTER_CFG'],
    [[CALL, 'EXECVE argc=1 a0="id"', 'CWD cwd="/"', 'PATH item=0 name="/bin/id"', 'BPRM_FCAPS fver=0'], 'SYSCALL'],
    [['OBJ_PID opid=1 oauid=-1', CALL], 'SYSCALL'],
    [[TITLE], 'PROCTITLE'],
    [['CWD cwd="/"', TITLE], 'CWD'],
  ])('of %# is the first that is no companion of a call', (lines, name) => {
    expect(factsOf(...lines).typeName).toBe(name)
  })

  it('is none in an event without records', () => {
    expect(factsOf()).toEqual(emptyFacts(-1, ''))
  })
})

describe('who did it', () => {
  it('is said by the SYSCALL record where there is one, in any order of records', () => {
    for (const lines of [
      [LOGIN, CALL],
      [CALL, LOGIN],
    ]) {
      expect(factsOf(...lines)).toMatchObject({ pid: 5271, auid: 1002, ses: 4, uid: 65534, tty: 'pts0', comm: 'nft' })
    }
  })

  it('is said by the naming record where there is none', () => {
    expect(factsOf(LOGIN)).toMatchObject({
      pid: 1637,
      auid: 1002,
      ses: 2,
      uid: 0,
      isSuccess: true,
      login: { pid: 1637, oldAuid: -1, auid: 1002, oldSes: -1, ses: 2, isSuccess: true },
    })
  })

  it('stands in URINGOP, which comes instead of SYSCALL', () => {
    const facts = factsOf(
      'URINGOP uring_op=13 success=no exit=-13 items=0 ppid=1 pid=77 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 ' +
        'egid=1000 sgid=1000 fsgid=1000 subj=unconfined key="net"',
    )
    expect(facts).toMatchObject({ typeName: 'URINGOP', pid: 77, ppid: 1, uid: 1000, isSuccess: false, exit: '-13' })
    expect(facts).toMatchObject({ subj: 'unconfined', keys: ['net'], syscall: -1, syscallName: '' })
  })

  it('is read past bare words, and from quoted text only as text', () => {
    const facts = factsOf(
      'AVC avc:  denied  { read } for  pid=9 comm="cat" name="key=\'exec\'" scontext=u:r:t tcontext=u:r:t permissive=0',
    )
    expect(facts).toMatchObject({ pid: 9, comm: 'cat', keys: [], isSuccess: null })
  })

  it('is unset where the id is 4294967295 or -1', () => {
    expect(factsOf('DAEMON_END op=terminate auid=-1 uid=-1 ses=-1 pid=-1 subj=? res=success')).toMatchObject({
      auid: -1,
      uid: -1,
      ses: -1,
      pid: -1,
      subj: '',
      isSuccess: true,
    })
    expect(factsOf('CONFIG_CHANGE auid=4294967295 ses=4294967294 op=set res=0')).toMatchObject({
      auid: -1,
      ses: 4294967294,
      isSuccess: false,
    })
  })
})

describe('text of others', () => {
  it('in a table name is no field, and its enrichment no name (trap 2)', () => {
    const forged =
      'NETFILTER_CFG table=x family=2 op=forged pid=1 type=USER_LOGIN msg=audit(1795340000.000:1): pid=1 uid=0 auid=0 ses=1 ' +
      'key="exec" msg=\'op=login addr=6.6.6.6 res=success\':2 family=1 entries=1 op=nft_register_table pid=5271 comm="nft"' +
      '\x1dUID="root" AUID="root"'
    const alone = factsOf(forged)
    expect(alone).toMatchObject({ pid: 5271, comm: 'nft', uid: -1, auid: -1, ses: -1, keys: [], message: null })
    expect(alone.names.size).toBe(0)
    expect(factsOf(forged, CALL)).toMatchObject({ pid: 5271, auid: 1002, ses: 4, message: null, keys: [] })
  })

  it('in a message never becomes pid, uid, auid, ses or success (trap 3)', () => {
    const facts = factsOf(
      'USER_LOGIN pid=15084 uid=0 auid=4294967295 ses=4294967295 msg=\'op=x pid=1 uid=5 auid=6 ses=7 key="exec" success=yes\'',
    )
    expect(facts).toMatchObject({ pid: 15084, uid: 0, auid: -1, ses: -1, keys: [], isSuccess: null })
  })

  it('in a message does not put names on others (trap 3)', () => {
    const facts = factsOf(
      'USER_LOGIN pid=1 uid=0 auid=4294967295 ses=4294967295 msg=\'op=login res=success\' \x1dUID="fx" AUID="fxadmin"\'' +
        '\x1dUID="fx" AUID="fxadmin"',
    )
    expect(facts.names.size).toBe(0)
    expect(facts.isSuccess).toBe(null)
  })

  it('typed at a terminal is no field', () => {
    expect(factsOf('USER_TTY pid=5 uid=1 auid=2 ses=3 data=7069643D39 pid=9 comm="x"')).toMatchObject({
      pid: 5,
      comm: '',
    })
  })

  it('of a type nobody knows counts as a message', () => {
    expect(factsOf('UNHEARD pid=5 uid=0 auid=1 ses=2 msg=\'op=x exe="/bin/y" uid=7 res=success\'')).toMatchObject({
      type: -1,
      uid: 0,
      exe: '',
      isSuccess: true,
      message: { op: 'x', exe: '/bin/y' },
    })
  })
})

describe('names', () => {
  const enrichedCall = `${CALL}\x1dARCH=x86_64 SYSCALL=sendmsg AUID="alice" UID="nobody" GID="unknown(9)" OGID="root" UID="root"`

  it('are those of fields in the same record, the first of each, without unset and unknown', () => {
    expect([...factsOf(enrichedCall).names]).toEqual([
      ['arch', 'x86_64'],
      ['syscall', 'sendmsg'],
      ['auid', 'alice'],
      ['uid', 'nobody'],
    ])
  })

  it('are the same in whatever order the record is', () => {
    const swapped = enrichedCall.replace('SYSCALL arch=c000003e syscall=46', 'SYSCALL syscall=46 arch=c000003e')
    expect(factsOf(swapped)).toEqual(factsOf(enrichedCall))
    expect([...factsOf(enrichedCall.replace(' uid=65534', '')).names.keys()]).toEqual(['arch', 'syscall', 'auid'])
  })

  it('of an id that stands in the message are not taken', () => {
    const facts = factsOf('ADD_USER pid=1 uid=0 auid=1 ses=1 msg=\'op=x id=0 res=success\'\x1dUID="root" ID="root"')
    expect([...facts.names]).toEqual([['uid', 'root']])
  })
})

describe('what is kept of one event', () => {
  it('is bounded in paths', () => {
    const lines = Array.from({ length: PATHS_MAX + 9 }, (_, i) => `PATH item=${i} name="/f${i}" nametype=CREATE`)
    const { paths } = factsOf(CALL, ...lines)
    expect(paths.length).toBe(PATHS_MAX)
    expect(paths.at(-1)).toMatchObject({ item: PATHS_MAX - 1, name: `/f${PATHS_MAX - 1}`, nametype: 'CREATE' })
  })

  it('is the address of a socket as its architecture writes it, wherever the SYSCALL record stands', () => {
    const big = CALL.replace('c000003e', '80000016')
    for (const lines of [
      ['SOCKADDR saddr=0002A44C0A4D0102', big],
      [big, 'SOCKADDR saddr=0002A44C0A4D0102'],
    ]) {
      expect(factsOf(...lines).socket).toEqual({ family: 'inet', address: '10.77.1.2', port: 42060, path: '' })
    }
  })
})

describe('any bytes', () => {
  const shape = Object.keys(emptyFacts(0, ''))
  const names = fc.constantFrom(
    'SYSCALL',
    'LOGIN',
    'EXECVE',
    'PATH',
    'CWD',
    'SOCKADDR',
    'PROCTITLE',
    'NETFILTER_CFG',
    'USER_LOGIN',
    'AVC',
    'DAEMON_START',
    'NOBODY',
  )
  const piece = fc.oneof(
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 12 }),
    fc.constantFrom(
      ' ',
      '=',
      '"',
      "'",
      " msg='",
      '\x1d',
      'pid=',
      ' uid=',
      'a0=',
      'a1[0]=',
      'argc=9',
      'saddr=',
      '0100',
      '41',
      ' key=',
      'table=',
      ' comm="',
    ),
  )
  const line = fc.tuple(names, fc.array(piece, { maxLength: 30 })).map(([name, pieces]) => `${name} ${pieces.join('')}`)

  it('give facts of the one shape', () => {
    const read = createFactsReader()
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const facts = read(eventOf(...lines))
        expect(Object.keys(facts)).toEqual(shape)
        for (const id of [facts.pid, facts.auid, facts.ses, facts.uid, facts.argsCount]) {
          expect(Number.isSafeInteger(id) && id >= -1 && id < 4294967295).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
