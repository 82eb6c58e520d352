import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Capture, findCapture } from '../../src/sources/capture.ts'

const made: string[] = []

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true })
})

async function capture(...files: readonly string[]): Promise<Capture> {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-files-'))
  made.push(directory)
  for (const file of files) {
    await mkdir(join(directory, dirname(file)), { recursive: true })
    await writeFile(join(directory, file), '')
  }
  return findCapture(directory)
}

function filesOf(found: Capture, kind: string): readonly string[] {
  return found.hosts.flatMap(({ sources }) =>
    sources.filter((source) => source.kind === kind).flatMap(({ files }) => files.map(({ name }) => name)),
  )
}

describe('a capture directory', () => {
  test('gives rotated and compressed files oldest first', async () => {
    const found = await capture('gw/kern.log', 'gw/kern.log.1', 'gw/kern.log.10.gz', 'gw/kern.log.2.gz')
    expect(filesOf(found, 'nftables')).toEqual(['kern.log.10.gz', 'kern.log.2.gz', 'kern.log.1', 'kern.log'])
  })

  test('orders dateext names by their date, the live file last', async () => {
    const found = await capture('gw/messages', 'gw/messages-20261122', 'gw/messages-20261115.gz')
    expect(filesOf(found, 'nftables')).toEqual(['messages-20261115.gz', 'messages-20261122', 'messages'])
  })

  test('reads one packet log a host: kern.log, else messages, else syslog, else the journal; audit.log, else the journal; the others are named', async () => {
    const found = await capture(
      'a/kern.log',
      'a/messages',
      'a/journal.json',
      'b/messages',
      'b/syslog.1',
      'c/journal.json',
      'c/ulogd.json',
      'd/kern.log',
      'd/journal.json.1',
      'd/audit.log',
    )
    expect(
      found.hosts.map(({ name, sources }) => [name, sources.map(({ kind, files }) => `${kind} ${files[0]?.name}`)]),
    ).toEqual([
      ['a', ['nftables kern.log', 'journal-audit journal.json']],
      ['b', ['nftables messages']],
      ['c', ['journal journal.json', 'ulogd ulogd.json', 'journal-audit journal.json']],
      ['d', ['nftables kern.log', 'audit audit.log']],
    ])
    expect(found.ignored.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      'a/messages: kern.log is read: one packet log a host',
      'b/syslog.1: messages is read: one packet log a host',
      'd/journal.json.1: kern.log is read: one packet log a host',
    ])
  })

  test('names what it does not read, also x.1 beside x.1.gz', async () => {
    const found = await capture(
      'gw/wg.snapshots',
      'gw/wg.snapshots.1',
      'gw/wg.snapshots.1.gz',
      'gw/hostfacts.json',
      'gw/notes.txt',
      'README',
    )
    expect(filesOf(found, 'wireguard')).toEqual(['wg.snapshots.1', 'wg.snapshots'])
    expect(filesOf(found, 'hostfacts')).toEqual(['hostfacts.json'])
    expect(found.ignored.map(({ name }) => name).sort()).toEqual(['README', 'gw/notes.txt', 'gw/wg.snapshots.1.gz'])
  })

  test('is none without a host folder that holds anything', async () => {
    await expect(capture('gw/notes.txt')).rejects.toMatchObject({ code: 'not-a-capture' })
    await expect(findCapture('/nowhere/at/all')).rejects.toMatchObject({ code: 'not-a-capture' })
  })

  test('follows no link out of itself', async () => {
    const found = await capture('gw/conntrack.log')
    const directory = made[0] ?? ''
    await symlink('/etc/passwd', join(directory, 'gw/kern.log'))
    expect(filesOf(await findCapture(directory), 'nftables')).toEqual([])
    expect(found.hosts).toHaveLength(1)
  })
})
