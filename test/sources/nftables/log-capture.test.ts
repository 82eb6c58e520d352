import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createJournalDecoder } from '../../../src/sources/nftables/journal.ts'
import { decode, type Emitted, feed, REFERENCE, type Run, told } from './log-lines.ts'

const root = fileURLToPath(new URL('../../fixtures/nftables-log/', import.meta.url))

/** Captures are divided by `### title`; notes of the capture begin with `# `. */
function blocksOf(name: string): { title: string; lines: string[] }[] {
  const parts = `\n${readFileSync(`${root}${name}/input.txt`, 'latin1')}`.split('\n### ').slice(1)
  return parts.map((part) => {
    const lines = part.replace(/\n$/, '').split('\n')
    return { title: lines[0] ?? '', lines: lines.slice(1).filter((line) => !line.startsWith('# ')) }
  })
}

function decodeJournal(lines: readonly string[]): Run {
  const items: Emitted[] = []
  const decoder = createJournalDecoder({ zone: 'UTC', referenceAt: null, prefixes: [] }, (item) => items.push(item))
  feed(decoder, lines)
  return { items, decoder, replayed: 0 }
}

describe('captured transports', () => {
  test.each(['rsyslog', 'journald', 'dmesg-kmsg', 'kernel-neighbours'])('%s', async (name) => {
    const rows = blocksOf(name).flatMap(({ title, lines }) => {
      const isJson = title.includes('json') && !title.includes('jsonf')
      const boot = { at: REFERENCE - 2_500_000_000, id: 'boot' }
      const run = isJson ? decodeJournal(lines) : decode(lines, { boot })
      return [{ block: title, ...run.decoder.tally }, ...run.items.map(told)].map((row) => JSON.stringify(row))
    })
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot(`${root}${name}/expected.ndjson`)
  })

  test('no line that was forged is a record, unless it is byte for byte what the kernel would have written', () => {
    const forged = ['rsyslog', 'journald'].flatMap(blocksOf).flatMap(({ title, lines }) => {
      const run = title.includes('json') && !title.includes('jsonf') ? decodeJournal(lines) : decode(lines)
      return run.items.flatMap((item) => {
        const isForged = /fx-[FJRT]\d/.test(item.text)
        return isForged && item.kind === 'packet' ? [`${title}: ${item.text}`] : []
      })
    })
    expect(forged).toEqual([])
  })
})
