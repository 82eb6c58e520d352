/** docs/demo.svg: what the demo really prints, run for the picture. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runDemo } from '../src/commands/demo.ts'
import { createTerminal } from '../src/commands/terminal.ts'
import { terminalPicture } from './terminal-picture.ts'

export async function demoPicture(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'peertrail-picture-'))
  const store = join(directory, 'peertrail-data')
  let text = ''
  const out = {
    isTTY: true,
    write(piece: string) {
      text += piece
    },
  }
  try {
    const terminal = createTerminal({ out, err: { write: () => {} } }, {})
    await runDemo({ store }, { npm_lifecycle_event: 'start' }, terminal)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  // As it looks without --store.
  return terminalPicture('npm start', text.replaceAll(` --store ${store}`, '').replaceAll(store, './peertrail-data'))
}
