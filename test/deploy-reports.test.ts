/** Goal: the monthly reports are made of the month that has ended, every kind, whatever became of the others. Method: the unit's own shell script is run with a program in the place of peertrail that writes down what it is asked. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const UNITS = new URL('../deploy/systemd/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, UNITS), 'utf8')
const scratch = mkdtempSync(join(tmpdir(), 'peertrail-units-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What systemd hands to /bin/sh, with our program in the place of the installed one. */
function script(program: string): string {
  const text = /^ExecStart=\/bin\/sh -c '([\s\S]*?)'$/m.exec(read('peertrail-reports.service'))?.[1] ?? ''
  return text
    .replaceAll('\\\n', '')
    .replaceAll('$$', '$')
    .replaceAll('%%', '%')
    .replaceAll('/usr/bin/peertrail', program)
}

/** Exit status and the command lines asked for. `exits`: kind=status, by default 0. */
function play(exits: Readonly<Record<string, number>>) {
  const program = join(scratch, 'program')
  const asked = join(scratch, 'asked')
  writeFileSync(asked, '')
  const cases = Object.entries(exits).map(([kind, status]) => `${kind}) exit ${status};;`)
  writeFileSync(program, `#!/bin/sh\necho "$*" >>'${asked}'\ncase $2 in\n${cases.join('\n')}\nesac\n`)
  chmodSync(program, 0o755)
  const { status } = spawnSync('/bin/sh', ['-c', script(program)], {
    env: { PATH: process.env['PATH'], REPORT_OPTIONS: '--sign /etc/peertrail/reports.key' },
  })
  return { status, lines: readFileSync(asked, 'utf8').trim().split('\n') }
}

test('every kind of the month that has ended, each into a folder of its own', () => {
  const { status, lines } = play({})
  expect(status).toBe(0)
  const now = new Date()
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15)).toISOString().slice(0, 7)
  expect(lines).toEqual(
    ['access', 'review', 'requirements', 'coverage'].map(
      (kind) =>
        `report ${kind} --month ${month} --pipeline /etc/peertrail/pipeline.yaml --out /var/lib/peertrail-reports/${month}/${kind} --sign /etc/peertrail/reports.key`,
    ),
  )
})

test('a report that found something is no failure; one that could not be made is, and the others are made', () => {
  expect(play({ access: 1, coverage: 1 }).status).toBe(0)
  const { status, lines } = play({ access: 3 })
  expect([status, lines.length]).toEqual([3, 4])
})

test('systemd takes timer and service', (context) => {
  const files = ['peertrail-reports.service', 'peertrail-reports.timer'].map((name) => {
    const path = join(scratch, name)
    writeFileSync(path, read(name).replaceAll('/usr/bin/peertrail', '/bin/true'))
    return path
  })
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' })
  if (error !== undefined) return context.skip('systemd-analyze is not installed here')
  expect([status, `${stdout}${stderr}`]).toEqual([0, ''])
})
