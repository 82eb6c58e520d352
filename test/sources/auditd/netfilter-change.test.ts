import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readNetfilterChange } from '../../../src/sources/auditd/netfilter-change.ts'

const TAIL = 'family=1 entries=1 op=nft_register_table pid=5271 comm="nft"'
const CHANGE = { family: 1, entries: 1, op: 'nft_register_table', pid: 5271, comm: 'nft' }

describe('a change of the rules', () => {
  it('is read from its end', () => {
    expect(readNetfilterChange(`table=fxaud:48 ${TAIL}`)).toEqual({ table: 'fxaud', ...CHANGE })
    expect(
      readNetfilterChange('table=filter family=2 entries=4 op=xt_replace pid=7 subj=unconfined comm=6E2074'),
    ).toEqual({
      table: 'filter',
      family: 2,
      entries: 4,
      op: 'xt_replace',
      pid: 7,
      comm: 'n t',
    })
    expect(readNetfilterChange(`table=a:1 ${TAIL.replace(' comm', ' subj=docker-default (enforce) comm')}`)).toEqual({
      table: 'a',
      ...CHANGE,
    })
  })

  it('has any name a user may give a table, and no field of it (trap 2)', () => {
    const name = fc.oneof(
      fc.string({ unit: fc.integer({ min: 1, max: 126 }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
      fc.constantFrom(
        `x:2 ${TAIL}`,
        `x ${TAIL} `,
        `x:2 ${TAIL} subj=`,
        'x\nfamily=2 entries=1',
        'family=9 entries=9 op=x pid=9 comm="z"',
      ),
    )
    fc.assert(
      fc.property(name, fc.nat(9999), (table, generation) => {
        expect(readNetfilterChange(`table=${table}:${generation} ${TAIL}`)).toEqual({ table, ...CHANGE })
      }),
    )
  })

  it('says nothing when the end of the record is missing', () => {
    expect(readNetfilterChange('table=x family=2 op=forged pid=1')).toBe(null)
    expect(readNetfilterChange(`table=x:1 ${TAIL.slice(0, -1)}`)).toBe(null)
    expect(readNetfilterChange(`table=x:1 ${TAIL} `)).toBe(null)
    expect(readNetfilterChange(TAIL)).toBe(null)
  })
})
