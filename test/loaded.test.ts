/** What a command line loads that has nothing to do with a cluster or a store: neither client nor database, 40 and 70 MB. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
/** Prints the URL of every module that is loaded. */
const HOOK = `import { registerHooks } from 'node:module'
registerHooks({
  resolve(name, context, next) {
    const found = next(name, context)
    process.stderr.write(found.url + '\\n')
    return found
  },
})
`

test('help loads neither the client of clusters nor the database', () => {
  const dir = mkdtempSync(join(tmpdir(), 'peertrail-loaded-'))
  try {
    const hook = join(dir, 'hook.mjs')
    const loaded = join(dir, 'loaded')
    writeFileSync(hook, HOOK)
    execFileSync('/bin/sh', [
      '-c',
      '"$0" --import "$1" "$2" --help 2>"$3" >/dev/null',
      process.execPath,
      hook,
      MAIN,
      loaded,
    ])
    const text = execFileSync('cat', [loaded], { encoding: 'utf8', maxBuffer: 1 << 26 })
    expect(text).toContain('/src/commands/replay.ts')
    expect(text).not.toMatch(/@elastic|@duckdb/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
