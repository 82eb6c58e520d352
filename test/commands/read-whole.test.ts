import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readWhole, WHOLE_BYTES_MAX } from '../../src/commands/read-whole.ts'

test('reads plain and compressed files, and refuses what is huge or unpacks to it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'peertrail-whole-'))
  const read = (name: string) => readWhole({ name, path: join(directory, name), isGzip: name.endsWith('.gz') }, 'utf8')
  try {
    await writeFile(join(directory, 'plain'), 'rules')
    await writeFile(join(directory, 'packed.gz'), gzipSync('rules'))
    await writeFile(join(directory, 'torn.gz'), gzipSync('rules').subarray(0, 12))
    await writeFile(join(directory, 'bomb.gz'), gzipSync(Buffer.alloc(WHOLE_BYTES_MAX + 1)))
    await writeFile(join(directory, 'huge'), '')
    await truncate(join(directory, 'huge'), WHOLE_BYTES_MAX + 1)
    expect([await read('plain'), await read('packed.gz')]).toEqual([{ text: 'rules' }, { text: 'rules' }])
    for (const name of ['torn.gz', 'bomb.gz', 'huge', 'missing']) expect(await read(name)).toHaveProperty('problem')
  } finally {
    await rm(directory, { recursive: true })
  }
})
