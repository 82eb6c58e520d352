/** Goal: a pack takes the place of an earlier pack and of nothing else, and leaves nothing half made behind. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { openPack } from '../../src/commands/report-pack.ts'
import { linesOf, startChild } from '../store/store-run.ts'
import { makeReport, withFolder } from './made-report.ts'
import { tar } from './made-tar.ts'
import { verify } from './verifying.ts'

async function pack(file: string): Promise<void> {
  const place = openPack(file)
  try {
    await place.close(await makeReport(place.folder, { more: { 'README.md': '# Evidence\n' } }), 0)
  } finally {
    place.clear()
  }
}

describe('a pack', () => {
  test('takes the place of an earlier one', async () => {
    await withFolder(async (place) => {
      const file = join(place, 'case.tar.gz')
      await pack(file)
      await pack(file)
      expect(readdirSync(place)).toEqual(['case.tar.gz'])
      expect((await verify(file)).exit).toBe(0)
    })
  })

  test('takes the place of nothing else', async () => {
    await withFolder(async (place) => {
      const file = join(place, 'case.tar.gz')
      const others = [
        Buffer.from('a letter'),
        Buffer.alloc(0),
        gzipSync(tar([{ name: 'home/letter.txt', content: 'x' }])),
      ]
      for (const other of others) {
        writeFileSync(file, other)
        await expect(pack(file)).rejects.toMatchObject({ code: 'usage' })
        expect(readFileSync(file)).toEqual(other)
      }
      mkdirSync(join(place, 'folder.tar.gz'))
      symlinkSync('nowhere', join(place, 'link.tar.gz'))
      for (const name of ['folder.tar.gz', 'link.tar.gz'])
        await expect(pack(join(place, name))).rejects.toMatchObject({ code: 'usage' })
      expect(readdirSync(place)).toEqual(['case.tar.gz', 'folder.tar.gz', 'link.tar.gz'])
    })
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that %s ends leaves nothing', async (signal) => {
    await withFolder(async (place) => {
      const child = startChild(join('..', 'commands', 'pack-child.ts'), [join(place, 'case.tar.gz')])
      const ended = new Promise((resolve) => child.once('close', (_code, by) => resolve(by)))
      for await (const line of linesOf(child)) {
        expect(line).toBe('begun')
        child.kill(signal)
      }
      expect(await ended).toBe(signal)
      expect(readdirSync(place)).toEqual([])
    })
  })
})
