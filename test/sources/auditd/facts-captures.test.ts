import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AuditFacts } from '../../../src/sources/auditd/facts.ts'
import { emptyFacts } from '../../../src/sources/auditd/facts-draft.ts'
import { createFactsReader } from '../../../src/sources/auditd/read-facts.ts'
import { capture, eventsOf, FIXTURES } from './lines-to-events.ts'

/** Longer texts are shown by their beginning and length. */
const SHOWN_MAX = 200

const captures = readdirSync(join(FIXTURES, 'reference')).filter((name) => name.startsWith('audit-'))

/** What differs from facts that say nothing, as one line. */
function goldenLine(key: string, facts: AuditFacts): string {
  const nothing = new Map(Object.entries(emptyFacts(-1, '')))
  const told = Object.entries(facts).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(nothing.get(name)),
  )
  const names = facts.names.size === 0 ? {} : { names: Object.fromEntries(facts.names) }
  return JSON.stringify({ event: key, ...Object.fromEntries(told), ...names }, (_, value: unknown) => {
    if (typeof value === 'string' && value.length > SHOWN_MAX) return `${value.slice(0, 20)}… ${value.length}`
    return Array.isArray(value) && value.length > 16 ? [...value.slice(0, 4), `… ${value.length}`] : value
  })
}

describe.each(captures)('%s', (name) => {
  it('says what was recorded', async () => {
    const read = createFactsReader()
    const golden = [...eventsOf(capture(name))].map(([key, event]) => `${goldenLine(key, read(event))}\n`)
    expect(golden.length).toBeGreaterThan(0)
    const file = join(FIXTURES, 'facts', `${name.replace(/\.\w+$/, '')}.ndjson`)
    await expect(golden.join('')).toMatchFileSnapshot(file)
  })
})

describe('one run, in the file of auditd and from the kernel', () => {
  it('says the same, but for the names auditd looked up', () => {
    const read = createFactsReader()
    const fromKernel = eventsOf(capture('audit-raw-multicast-ssh-sudo-su.txt'))
    const inFile = [...eventsOf(capture('audit-enriched-ssh-sudo-su.log'))]
    expect(inFile.length).toBeGreaterThan(100)
    const bare = (facts: AuditFacts) => ({ ...facts, names: new Map() })
    for (const [key, event] of inFile) {
      const other = fromKernel.get(key)
      expect(other, key).toBeDefined()
      if (other !== undefined) expect(bare(read(event)), key).toEqual(bare(read(other)))
    }
  })
})

describe('a reader that has seen much', () => {
  it('says of an event what a new one says', () => {
    const events = captures.flatMap((name) => [...eventsOf(capture(name)).values()])
    const used = createFactsReader()
    for (const event of [...events, ...events.toReversed()]) expect(used(event)).toEqual(createFactsReader()(event))
  })
})
