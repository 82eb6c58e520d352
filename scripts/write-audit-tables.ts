/** Writes the tables of src/sources/auditd/ from the kernel headers of this machine (Debian); `node scripts/write-audit-tables.ts`. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { installedNumbers, TABLES, tableModule } from './audit-tables.ts'

// `linux-libc-dev:amd64`, a tab, `6.1.187-1`.
const [, version = ''] = execFileSync('dpkg-query', ['--show', 'linux-libc-dev'], { encoding: 'utf8' })
  .trim()
  .split('\t')
for (const table of TABLES) {
  const numbers = installedNumbers(table)
  if (numbers === null) throw new Error(`a header of ${table.headers.join(', ')} is missing: install linux-libc-dev`)
  const text = tableModule(table, numbers, `linux-libc-dev ${version}`)
  writeFileSync(new URL(`../src/sources/auditd/${table.module}`, import.meta.url), text)
}
