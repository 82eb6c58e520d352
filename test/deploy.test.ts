/** Goal: the files of deploy/ can be used as they are. Method: the grammar of auditctl(8), as far as the rules use it. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SYSCALLS_I386 } from '../src/sources/auditd/syscalls-i386.ts'
import { SYSCALLS_X86_64 } from '../src/sources/auditd/syscalls-x86-64.ts'

const RULES = readFileSync(new URL('../deploy/audit.rules', import.meta.url), 'utf8')

/** Fields of the rules, and what each may be compared with. */
const FIELDS: ReadonlyMap<string, RegExp> = new Map([
  ['arch', /^=b(32|64)$/],
  ['auid', /^!=unset$/],
  ['dir', /^=\/[\w./-]+$/],
  ['path', /^=\/[\w./-]+$/],
  ['perm', /^=r?w?x?a?$/],
  // AF_INET and AF_INET6.
  ['saddr_fam', /^=(2|10)$/],
  ['success', /^=1$/],
])
const SETTINGS = /^(-c|-b \d+|-f [012]|--backlog_wait_time \d+|--loginuid-immutable|-e [012])$/

type Rule = { readonly fields: ReadonlyMap<string, string>; readonly calls: readonly string[]; readonly key: string }

/** Throws where auditctl would not take the line. */
function parseRule(line: string): Rule {
  const [flag, list, ...words] = line.split(' ')
  if (flag !== '-a' || list !== 'always,exit') throw new Error(`${line}: begins like no rule`)
  const fields = new Map<string, string>()
  const calls: string[] = []
  let key = ''
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1] ?? ''
    if (words[i] === '-S') calls.push(value)
    else if (words[i] === '-k') key = value
    else if (words[i] === '-F') {
      const [, name = '', rest = ''] = /^([a-z_]+)(.+)$/.exec(value) ?? []
      if (FIELDS.get(name)?.test(rest) !== true) throw new Error(`${line}: ${value}`)
      fields.set(name, rest.replace(/^!?=/, ''))
    } else throw new Error(`${line}: ${words[i]}`)
  }
  return { fields, calls, key }
}

const lines = RULES.split('\n').filter((line) => line !== '' && !line.startsWith('##'))
const active = lines.filter((line) => !line.startsWith('#'))
const rules = lines.map((line) => line.replace(/^# /, '')).filter((line) => line.startsWith('-a'))

test('every line of audit.rules is a setting or a rule, also those that are commented out', () => {
  for (const line of lines) {
    const text = line.replace(/^# /, '')
    if (text.startsWith('-a')) expect(() => parseRule(text)).not.toThrow()
    else expect(text).toMatch(SETTINGS)
  }
  expect(() => parseRule('-a always,exit -F arch=b64 -S accept -F sucess=1 -k accept')).toThrow('sucess')
})

test('rules say the architecture before they name its calls', () => {
  for (const { fields, calls, key } of rules.map(parseRule)) {
    expect(key).toMatch(/^[a-z-]{1,31}$/)
    // Numbers of calls mean nothing without it, and auditctl takes the machine's own.
    expect([...fields.keys()][0]).toBe('arch')
    const known = fields.get('arch') === 'b64' ? SYSCALLS_X86_64 : SYSCALLS_I386
    for (const call of calls) expect(known).toContain(call)
    if (calls.length === 0) expect(fields.has('perm') && (fields.has('path') || fields.has('dir'))).toBe(true)
  }
})

test('what peertrail joins by is recorded, for both families and word sizes', () => {
  const wanted = ['accept', 'connect'].flatMap((key) =>
    ['b64', 'b32'].flatMap((arch) => ['2', '10'].map((family) => `${key} ${arch} ${family}`)),
  )
  const found = active
    .filter((line) => line.startsWith('-a'))
    .map(parseRule)
    .map(({ key, fields }) => `${key} ${fields.get('arch')} ${fields.get('saddr_fam')}`)
  expect(found).toEqual(expect.arrayContaining(wanted))
  // A service that polls `wg show` every second has no login id.
  for (const { key, fields } of active.filter((line) => line.startsWith('-a')).map(parseRule))
    if (['exec', 'wg', 'nft', 'connect'].includes(key)) expect(fields.get('auid')).toBe('unset')
})
