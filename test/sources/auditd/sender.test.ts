import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyFacts } from '../../../src/sources/auditd/facts-draft.ts'
import { kernelPartEnd } from '../../../src/sources/auditd/kernel-fields.ts'
import { readFields, readSender, USER_FIELDS } from '../../../src/sources/auditd/task-fields.ts'

const id = fc.oneof(
  fc.constantFrom('0', '1002', '4294967295', '4294967294', '-1', '', 'x', '99999999999'),
  fc.nat().map(String),
)
const label = fc.constantFrom('', ' subj=unconfined', ' subj=docker-default (enforce)', ' subj="a b"', ' subj==')
const rest = fc.constantFrom(
  '',
  " msg='op=login acct=root'",
  " pid=1 msg='x'",
  " msg='pid=9 uid=9 auid=9 ses=9'",
  ' tty=pts0',
)
const body = fc
  .tuple(id, id, id, id, label, rest)
  .map(([pid, uid, auid, ses, subj, text]) => `pid=${pid} uid=${uid} auid=${auid} ses=${ses}${subj}${text}`)

test('a sender in the order of the kernel is what the walk over its fields says', () => {
  fc.assert(
    fc.property(fc.oneof(body, fc.string({ unit: 'binary', maxLength: 40 })), (text) => {
      const end = kernelPartEnd(text)
      const walked = emptyFacts(1112, 'USER_LOGIN')
      readFields(walked, text, end, USER_FIELDS)
      const ordered = emptyFacts(1112, 'USER_LOGIN')
      if (!readSender(ordered, text, end)) readFields(ordered, text, end, USER_FIELDS)
      expect(ordered).toEqual(walked)
    }),
    { numRuns: 2000 },
  )
})

test('the order of the kernel is known as such, and nothing else', () => {
  const read = (text: string) => readSender(emptyFacts(1112, 'USER_LOGIN'), text, kernelPartEnd(text))
  expect(read("pid=1637 uid=0 auid=1002 ses=2 subj=unconfined msg='op=x'")).toBe(true)
  expect(read("pid=1637 uid=0 auid=4294967295 ses=4294967295 msg='op=x'")).toBe(true)
  expect(read("uid=0 pid=1637 auid=1002 ses=2 msg='op=x'")).toBe(false)
  expect(read("pid=1637 uid=0 auid=1002 ses=2 more=1 msg='op=x'")).toBe(false)
})
