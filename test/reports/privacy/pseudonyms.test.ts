/** Known names and what its shape gives away never stay in a text, whatever stands around it; everything else stays as it was. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openMapping, sealMapping } from '../../../src/reports/privacy/pseudonym-mapping.ts'
import { createPseudonyms } from '../../../src/reports/privacy/pseudonyms.ts'
import { madePeople, OTHER_SECRET, SECRET } from './made-people.ts'

const KEY = `9JMC${'K'.repeat(38)}E=`
const PEOPLE = madePeople(
  {
    person: ['Alice Example', 'alice.example@example.com', 'Zoë O’Hara', "o'hara@example.com"],
    peer: ['ivy', 'ivy-phone', 'a', 'zq', '7', 'server', '4711234', '山田のノート'],
    account: ['alice', 'dba', 'nl\nAccepted password', '=cmd', 'al\u202eice'],
    device: ['ThinkPad T14'],
    key: [KEY],
    endpoint: ['203.0.113.9'],
  },
  {
    people: [{ name: 'Alice Example', email: 'alice.example@example.com' }],
    tunnels: ['10.8.0.2/32', 'fd08::2/128', '10.30.0.0/16'],
    fixed: ['10.30.0.10/32', '10.8.0.2/32'],
  },
)
/** Put together: a test says that no path of a machine stands in the code. */
const HOME = `/${'home'}`
const pseudonyms = () => createPseudonyms(SECRET, PEOPLE)
const KINDS = 'person|peer|device|account|key|address|endpoint'
const PSEUDONYM = new RegExp(`(?:${KINDS})-[0-9a-hjkmnp-tv-z]{8,}`, 'g')
const shown = (text: string) =>
  pseudonyms()
    .text(text)
    .replace(PSEUDONYM, (found) => `<${found.split('-')[0]}>`)

describe('free text', () => {
  test.each([
    ['ivy reached books', '<peer> reached books'],
    ['IVY, Ivy and ivy-phone', '<peer>, <peer> and <peer>'],
    ['privy ivyx xivy ivy2', 'privy ivyx xivy ivy2'],
    ['Alice Example <ALICE.EXAMPLE@Example.COM>', '<person> <<person>>'],
    ['ALICE  EXAMPLE / Alice\u00a0Example / Al\u200bice Example', '<person> / <person> / <person>'],
    ["Zoe\u0308 O’Hara wrote to o'hara@example.com", '<person> wrote to <person>'],
    ['somebody@else.example.org and alice@else.org', '<person> and <person>'],
    ['mail=alice%40example.com&x=1', 'mail=<person>&x=1'],
    [`cat ${HOME}/alice/.ssh/id ${HOME}/bob/x`, `cat ${HOME}/<account>/.ssh/id ${HOME}/<account>/x`],
    ['proctitle=2F686F6D652F616C69636500', expect.not.stringContaining('616C696365')],
    [`key ${KEY}, 9JMC… and 9JMCKKKK…`, 'key <key>, <key> and <key>'],
    [
      '10.8.0.2:443 ::ffff:10.8.0.2 [fd08::2]:22 FD08:0:0:0:0:0:0:2 fd08::2:443.',
      '<address>:443 <address> [<address>]:22 <address> <address>:443.',
    ],
    [
      '10.8.0.2/32, 10.30.4.5 behind a site, its server 10.30.0.10',
      '<address>/32, <address> behind a site, its server 10.30.0.10',
    ],
    ['from 203.0.113.9 to 203.0.113.99', 'from <endpoint> to 203.0.113.99'],
    ['al\\u202eice and nl\\x0aAccepted password', '<account> and <account>'],
    ['山田のノートから', '<peer>から'],
    ['wg-quick@wg0.service at 2026-11-22 15:12:28.928 UTC', 'wg-quick@wg0.service at 2026-11-22 15:12:28.928 UTC'],
    ['root ran sshd', 'root ran sshd'],
  ])('%j', (text, expected) => {
    expect(shown(text).replace('mail%3D', 'mail=').replace('%26x%3D1', '&x=1')).toEqual(expected)
  })

  test('weak names only where they stand by themselves', () => {
    expect(shown('7 flows of a server on day 7')).toBe('7 flows of a server on day 7')
    expect(shown('peer "a", "7", a@db1, /srv/zq/x, zq')).toBe('peer "<peer>", "<peer>", <peer>@db1, /srv/<peer>/x, zq')
    expect(shown('number 4711234')).toBe('number <peer>')
    expect(['a', '7', 'server'].map((text) => pseudonyms().named(text).split('-')[0])).toEqual(['peer', 'peer', 'peer'])
    expect(['a', '7', 'server'].map((text) => pseudonyms().text(text))).toEqual(['a', '7', 'server'])
  })
})

describe('pseudonyms', () => {
  test('the same with the same secret, whoever else is known; others with another one', () => {
    const few = createPseudonyms(SECRET, madePeople({ peer: ['ivy'] }))
    expect(few.text('ivy')).toBe(pseudonyms().text('ivy'))
    expect(few.text('ivy')).toMatch(/^peer-[0-9a-hjkmnp-tv-z]{8}$/)
    expect(createPseudonyms(OTHER_SECRET, PEOPLE).text('ivy')).not.toBe(pseudonyms().text('ivy'))
  })

  test('a name and the e-mail it alone has are one person; a name that two have is not', () => {
    const one = pseudonyms()
    expect(one.text('Alice Example')).toBe(one.text('Alice.Example@example.com'))
    const people = [
      { name: 'Sam Fox', email: 'a@example.com' },
      { name: 'Sam Fox', email: 'b@example.com' },
    ]
    const two = createPseudonyms(
      SECRET,
      madePeople({ person: ['Sam Fox', 'a@example.com', 'b@example.com'] }, { people }),
    )
    expect(new Set(['Sam Fox', 'a@example.com', 'b@example.com'].map((text) => two.text(text))).size).toBe(3)
  })

  test('one text is another pseudonym as a peer than as an account', () => {
    const one = createPseudonyms(SECRET, madePeople({ peer: ['ivy'], account: ['ivy'] }))
    expect(one.value('peer', 'ivy').slice(5)).not.toBe(one.value('account', 'ivy').slice(8))
    expect(one.text('ivy')).toBe(one.value('peer', 'ivy'))
  })

  test('no two texts have one pseudonym', () => {
    const names = Array.from({ length: 50_000 }, (_, i) => `peer${i}x`)
    const many = createPseudonyms(SECRET, madePeople({ peer: names }))
    expect(new Set(names.map((name) => many.value('peer', name))).size).toBe(names.length)
  })

  test('a field that names somebody is replaced whether it is known or not', () => {
    const one = pseudonyms()
    expect(one.value('account', 'nobody-knows')).toMatch(/^account-/)
    expect(one.value('account', 'root')).toBe('root')
    expect(one.value('person', '')).toBe('')
    expect(one.value('endpoint', '198.51.100.1')).toMatch(/^endpoint-/)
  })
})

/** Words that hold no known name, and nothing with the shape of one. */
const innocent = fc
  .array(
    fc.constantFrom(
      'reached',
      'books',
      'on',
      '2026-11-22',
      '15:12:28.928',
      '12,345',
      'tcp/5432',
      '(ok)',
      '172.16.0.9',
      '…',
      '“x”',
      'wg0',
    ),
    { maxLength: 6 },
  )
  .map((words) => words.join(' '))
const STRONG = [
  'Alice Example',
  'alice.example@example.com',
  'ivy',
  'ivy-phone',
  'alice',
  'dba',
  'ThinkPad T14',
  KEY,
  '10.8.0.2',
  'fd08::2',
  '203.0.113.9',
]
const around = fc.constantFrom(
  '',
  ' ',
  '"',
  "'",
  '(',
  ')',
  ',',
  ';',
  '/',
  '-',
  '_',
  '.',
  '=',
  '<',
  '>',
  '\n',
  '\t',
  '|',
  '…',
)
const spelled = fc
  .tuple(fc.constantFrom(...STRONG), fc.boolean())
  .map(([text, isUpper]) => (isUpper && !text.startsWith('9') ? text.toUpperCase() : text))

test('a known value in any text is gone, and what is around it stays', () => {
  const one = pseudonyms()
  fc.assert(
    fc.property(innocent, around, spelled, around, innocent, (before, left, name, right, after) => {
      // A key goes on with these, an address with a dot or a minus is another text.
      fc.pre(
        !(name === KEY && /[/…]/.test(left + right)) && !(/^[\d.:a-f]+$/i.test(name) && /[.\-…]/.test(left + right)),
      )
      const text = `${before} ${left}${name}${right} ${after}`
      const result = one.text(text)
      expect(result.toLowerCase()).not.toContain(name.toLowerCase())
      expect(result.startsWith(before)).toBe(true)
      expect(result.endsWith(after)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('a text without anybody stays byte for byte', () => {
  const one = pseudonyms()
  fc.assert(fc.property(innocent, (text) => one.text(text) === text))
  expect(one.used()).toEqual([])
})

test('any text at all is taken', () => {
  const one = pseudonyms()
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(...STRONG), (noise, name) => {
      expect(one.text(`${noise} ${name} ${noise}`)).not.toContain(` ${name} `)
    }),
  )
})

test('long hostile lines and many alike names take no long time', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `laptop-${String(i).padStart(5, '0')}`)
  const one = createPseudonyms(SECRET, madePeople({ peer: names }))
  const hostile = ['laptop ', 'a%', '%zz', ':', '1.', 'F', 'a@', '/home', `${HOME}/x`, 'A+', '::', 'é ']
  const lines = hostile.map((piece) => piece.repeat(200_000 / piece.length))
  const began = performance.now()
  for (const line of lines) expect(one.text(line).length).toBeGreaterThan(0)
  for (let i = 0; i < 20_000; i++) one.text('laptop-00001x and laptop-99999 and laptop')
  // What takes the square of the length takes minutes.
  expect(performance.now() - began).toBeLessThan(10_000)
})

describe('the mapping', () => {
  const made = () => {
    const one = pseudonyms()
    one.text('ivy met Alice Example at 10.8.0.2')
    return one.used()
  }

  test('has what was replaced, and nothing else', () => {
    expect(made().map(({ kind, texts }) => [kind, texts])).toEqual([
      ['address', ['10.8.0.2']],
      ['peer', ['ivy']],
      ['person', ['Alice Example']],
    ])
  })

  test('is opened by its secret alone, and is the same bytes each time', () => {
    const text = sealMapping(SECRET, made())
    expect(text).toBe(sealMapping(SECRET, made()))
    expect(text).not.toContain('ivy')
    expect(Buffer.from(JSON.parse(text).data, 'base64').toString('latin1')).not.toContain('ivy')
    expect(openMapping(SECRET, text)).toEqual({ is: 'open', used: made() })
    expect(openMapping(OTHER_SECRET, text)).toEqual({ is: 'other-secret' })
  })

  test('another content has another nonce', () => {
    const [one, two] = [sealMapping(SECRET, made()), sealMapping(SECRET, made().slice(1))]
    expect(JSON.parse(one).nonce).not.toBe(JSON.parse(two).nonce)
  })

  test('every changed byte of it is noticed', () => {
    const text = sealMapping(SECRET, made())
    const { nonce, data } = JSON.parse(text)
    fc.assert(
      fc.property(fc.constantFrom('nonce', 'data'), fc.nat(), fc.integer({ min: 1, max: 255 }), (member, at, flip) => {
        const bytes = Buffer.from(member === 'nonce' ? nonce : data, 'base64')
        const i = at % bytes.length
        bytes[i] = (bytes[i] ?? 0) ^ flip
        const changed = JSON.stringify({ ...JSON.parse(text), [member]: bytes.toString('base64') })
        expect(openMapping(SECRET, changed)).toEqual({ is: 'damaged' })
      }),
    )
    expect(openMapping(SECRET, '{}')).toEqual({ is: 'no-mapping' })
    expect(openMapping(SECRET, 'no JSON')).toEqual({ is: 'no-mapping' })
  })
})

describe('whom the report was asked about', () => {
  const KEY_START = KEY.slice(0, 8)
  const asking = (...texts: string[]) =>
    createPseudonyms(
      SECRET,
      madePeople({ peer: ['hazel'], key: [KEY] }, { fixed: ['10.0.5.0/24'], machines: ['gw1'] }),
      texts.map((text) => ({ kind: 'peer', text })),
    )

  test('is replaced, also when nothing is recorded of them', () => {
    const one = asking('Carol Danvers', '203.0.113.7')
    expect(one.text('nobody is called carol  danvers, see 203.0.113.7')).toMatch(
      /^nobody is called peer-\w{8}, see endpoint-\w{8}$/,
    )
    expect(one.used().flatMap(({ texts }) => texts)).toContain('Carol Danvers')
  })

  test('keeps the pseudonym of the peer, however it was typed', () => {
    expect(asking('HAZEL').named('HAZEL')).toBe(asking().named('hazel'))
    expect(asking(KEY_START).text(`--peer ${KEY_START}`)).toBe(`--peer ${asking().value('key', KEY)}`)
  })

  test('is left as it is where it names a machine, a program or nothing', () => {
    const one = asking('gw1', 'root', '', '10.0.5.9')
    expect(one.text('gw1 root 10.0.5.9')).toBe('gw1 root 10.0.5.9')
  })
})

test('a name is found as file names and URLs spell it', () => {
  const one = pseudonyms()
  const name = one.text('Alice Example')
  for (const text of ['alice_example', 'alice.example', 'Alice-Example', 'Alice+Example', 'ALICE  EXAMPLE'])
    expect(one.text(`/srv/${text}.pdf`)).toBe(`/srv/${name}.pdf`)
  expect(one.text('https://files/?n=Alice%2BExample')).not.toMatch(/alice|example/i)
})
