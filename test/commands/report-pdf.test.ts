/** Printing with a browser of the system: the same bytes twice, and a reason where it cannot be done. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium, printPdf } from '../../src/commands/report-pdf.ts'
import { reportHtml } from '../../src/reports/document/html-page.ts'
import { DOCUMENT, FRAME } from '../reports/document/made-document.ts'

const REPORT_TIME = Date.parse('2026-12-02T09:30:00Z') * 1000
/** Where temporary folders are made. */
const own: { TMPDIR?: string } = process.env
const earlier = own.TMPDIR
let dir = ''

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'peertrail-pdf-'))
  // What else prints on this machine has another one.
  own.TMPDIR = dir
})
afterAll(async () => {
  if (earlier === undefined) delete own.TMPDIR
  else own.TMPDIR = earlier
  await rm(dir, { recursive: true, force: true })
})

/** A program of that text in a folder of its own. */
async function fake(name: string, script: string): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

function ask(environment: Readonly<Record<string, string>>, timeoutMs = 60_000) {
  return printPdf({
    html: join(dir, 'page.html'),
    pdf: join(dir, 'page.pdf'),
    reportTime: REPORT_TIME,
    environment,
    timeoutMs,
  })
}

/** Shell lines that give $pdf the place that was asked for. */
const PLACE = 'for each; do case $each in --print-to-pdf=*) pdf=$(echo "$each" | cut -d= -f2-);; esac; done'

describe('with a browser that is none', () => {
  test('its file gets the report’s time, and it gets nothing of our environment', async () => {
    const program = await fake(
      'writes',
      `${PLACE}; env > ${dir}/environment; printf '%s\\n' "%PDF-1.4 /CreationDate (D:20300101000000+02'00')" "/ModDate (D:20300101000000+02'00') /Title (D:20300101000000)" > "$pdf"`,
    )
    expect(await ask({ PEERTRAIL_CHROMIUM: program, SECRET_TOKEN: 'hush' })).toEqual({ isPrinted: true })
    expect(await readFile(join(dir, 'page.pdf'), 'latin1')).toBe(
      "%PDF-1.4 /CreationDate (D:20261202093000+00'00')\n/ModDate (D:20261202093000+00'00') /Title (D:20300101000000)\n",
    )
    expect(await readFile(join(dir, 'environment'), 'utf8')).not.toContain('hush')
  })

  test('names of elements that a browser counts from another number on are the same', async () => {
    const made = []
    for (const from of [7, 263]) {
      const [a, b] = [from, from + 2].map((number) => String(number).padStart(8, '0'))
      const program = await fake(
        `counts-${from}`,
        `${PLACE}; echo "/ID (node${b}) /IDTree [(node${a}) (node${b})]" > "$pdf"`,
      )
      expect(await ask({ PEERTRAIL_CHROMIUM: program })).toEqual({ isPrinted: true })
      made.push(await readFile(join(dir, 'page.pdf'), 'latin1'))
    }
    expect(made).toEqual(Array(2).fill('/ID (node00000002) /IDTree [(node00000001) (node00000002)]\n'))
  })

  test('one that hangs is ended with what it started', async () => {
    const program = await fake('hangs', `sleep 600 & echo $! > ${dir}/child; wait`)
    expect(await ask({ PEERTRAIL_CHROMIUM: program }, 300)).toEqual({
      isPrinted: false,
      reason: 'the browser was ended after 0.3 s',
    })
    // Ended is gone, or waits for whoever takes in orphans here to ask how it ended (state Z).
    const pid = (await readFile(join(dir, 'child'), 'utf8')).trim()
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
    expect(/\) (.)/.exec(state)?.[1]).toBe('Z')
  })

  test.each([
    [
      'fails',
      "echo first >&2; printf 'no \\033[31mdisplay\\n' >&2; exit 3",
      'the browser failed (exit status 3): no \\x1b[31mdisplay',
    ],
    ['silent', 'exit 0', 'the browser wrote no file'],
  ])('one that %s: a reason', async (name, script, reason) => {
    expect(await ask({ PEERTRAIL_CHROMIUM: await fake(name, script) })).toEqual({ isPrinted: false, reason })
  })

  test('none at all: said, with what would help', async () => {
    expect(await ask({ PATH: join(dir, 'empty') })).toMatchObject({
      reason: expect.stringMatching(/^no Chromium .*PEERTRAIL_CHROMIUM/),
    })
    expect(await ask({ PATH: '/usr/bin:/bin', PEERTRAIL_CHROMIUM: '/nowhere/chromium' })).toMatchObject({
      reason: 'PEERTRAIL_CHROMIUM names /nowhere/chromium, and no program is there',
    })
  })

  test('no program of a relative place in PATH is run', async () => {
    await mkdir(join(dir, 'bin'), { recursive: true })
    const program = await fake('bin/google-chrome', 'exit 0')
    expect(findChromium({ PATH: `.:bin::${join(dir, 'bin')}` })).toBe(program)
    expect(findChromium({ PATH: '.:bin:' })).toBeNull()
  })

  test('nothing is left behind', async () => {
    expect((await readdir(tmpdir())).filter((name) => name.startsWith(`peertrail-print-`))).toEqual([])
  })
})

describe('with a real one', () => {
  test('the same page gives the same bytes, wherever it lies', { timeout: 120_000 }, async (context) => {
    if (findChromium(process.env) === null) return context.skip('no Chromium is installed here')
    const page = reportHtml(DOCUMENT, FRAME)
    const made = []
    for (const name of ['first', 'second folder #%']) {
      await mkdir(join(dir, name))
      const [html, pdf] = [join(dir, name, 'a.html'), join(dir, name, 'a.pdf')]
      await writeFile(html, page)
      expect(await printPdf({ html, pdf, reportTime: REPORT_TIME, environment: process.env })).toEqual({
        isPrinted: true,
      })
      made.push(await readFile(pdf))
    }
    expect(made[0]?.subarray(0, 5).toString()).toBe('%PDF-')
    // Headings are bookmarks.
    expect(made[0]?.toString('latin1')).toContain('/Title (Who and what)')
    expect(made[0]?.toString('latin1')).toContain("/CreationDate (D:20261202093000+00'00')")
    expect(made[0]?.equals(made[1] ?? Buffer.alloc(0))).toBe(true)
  })
})
