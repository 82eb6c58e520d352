/**
 * Takes letters away from a sink in another process, as a retry does: renames the file, reads it, removes it, again and again until
 * its standard input ends. Prints the id of every letter that it read.
 *
 *     letter-taker.ts DIR
 */
import { existsSync, rmSync } from 'node:fs'
import { scheduler } from 'node:timers/promises'
import { apartPath, letterLines, setApart } from '../../../src/sinks/elasticsearch/letter-files.ts'
import { parseLetter } from '../../../src/sinks/elasticsearch/letter-line.ts'

const [, , dir = ''] = process.argv
let isOver = false
process.stdin.on('end', () => {
  isOver = true
})
process.stdin.resume()
process.stdout.write('ready\n')
for (let n = 0; !isOver; n++) {
  const path = apartPath(dir, n, process.pid)
  setApart(dir, path)
  if (existsSync(path)) {
    const ids = [...letterLines(path)].map((line) => parseLetter(line)?.id ?? '')
    rmSync(path)
    process.stdout.write(ids.map((id) => `${id}\n`).join(''))
  }
  // A sink that is robbed faster than its disk syncs would give up, as it should.
  await scheduler.wait(2)
}
