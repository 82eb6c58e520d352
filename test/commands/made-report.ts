/** A report folder as a test makes it: pages, rows, a chain, all hashed. */
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FinishedReport, openReportFolder } from '../../src/commands/report-folder.ts'
import type { Signer } from '../../src/commands/signing-key.ts'
import type { ManifestHead } from '../../src/reports/evidence/manifest.ts'
import { writeRows } from '../../src/reports/rows/row-lines.ts'
import { micros } from './made-store.ts'

/** A made-up head of a chain. */
export const HEAD = { count: 3, hash: hash('sha256', 'a head') }

export function madeHead(change: Partial<ManifestHead> = {}): ManifestHead {
  return {
    id: 'access-0123456789abcdef',
    kind: 'access',
    title: 'Access report',
    subject: 'customer-db',
    period: { from: micros('2026-11-22T15:00:00Z'), to: micros('2026-11-22T16:00:00Z') },
    reportTime: micros('2026-11-22T16:00:00Z'),
    names: 'as-recorded',
    software: 'peertrail 0.1.0',
    command: 'peertrail report access --resource customer-db',
    query: '',
    clauses: ['PCI DSS 4.0.1 10.2.1.1'],
    isPseudonymised: false,
    askedBy: 'alice',
    source: {
      kind: 'chain',
      count: HEAD.count,
      head: HEAD.hash,
      segments: 2,
      rows: 40,
      unsealedFiles: 1,
      problems: [],
      anchors: [],
    },
    ...change,
  }
}

/** A folder of its own, removed afterwards. */
export async function withFolder<T>(work: (place: string) => Promise<T>): Promise<T> {
  const place = await mkdtemp(join(tmpdir(), 'peertrail-report-'))
  try {
    return await work(place)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** Two pages, rows in both forms, a file in a folder; `more` by name. */
export async function makeReport(
  dir: string,
  {
    signer = null,
    head = {},
    more = {},
  }: { signer?: Signer | null; head?: Partial<ManifestHead>; more?: Readonly<Record<string, string>> } = {},
): Promise<FinishedReport> {
  const folder = openReportFolder(dir, { forms: ['csv', 'ndjson'] })
  await folder.add('report.html', '<!doctype html><title>Access</title>\n')
  await folder.add('report.json', Buffer.from('{"kind":"access"}\n'))
  await writeRows(
    folder.outlet,
    'access',
    ['peer', 'bytes'],
    [
      { peer: '=cmd()', bytes: 12 },
      { peer: 'bob', bytes: 13 },
    ],
  )
  await folder.add('inventories/0a1b.yaml', 'version: 1\n')
  for (const [name, text] of Object.entries(more)) await folder.add(name, text)
  return folder.finish(madeHead(head), signer)
}
