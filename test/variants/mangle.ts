/** Damage of the kinds disks, copies and editors do, by a seeded generator. All files of a capture but its YAML. */
import { type CaptureCase, edit } from './case.ts'
import type { Random } from './random.ts'

const LOGS = /\/(kern\.log|audit\.log|conntrack\.|wg\.snapshots|ruleset)/

export type Damage = (text: string, random: Random) => string

export function mangle(one: CaptureCase, damage: Damage, random: Random, path: RegExp = LOGS): void {
  edit(one, path, (text) => damage(text, random))
}

/** One byte in `every` becomes any other. */
export function flipBytes(every: number): Damage {
  return (text, random) => {
    const bytes = Buffer.from(text, 'latin1')
    for (let count = Math.ceil(bytes.length / every); count > 0; count--)
      bytes[random.below(bytes.length)] = random.below(256)
    return bytes.toString('latin1')
  }
}

/** One bit, as memory and disks do it: digits become other digits. */
export function flipBits(every: number): Damage {
  return (text, random) => {
    const bytes = Buffer.from(text, 'latin1')
    for (let count = Math.ceil(bytes.length / every); count > 0; count--) {
      const index = random.below(bytes.length)
      bytes[index] = (bytes[index] ?? 0) ^ (1 << random.below(8))
    }
    return bytes.toString('latin1')
  }
}

export const deleteLines: Damage = (text, random) =>
  text
    .split(/(?<=\n)/)
    .filter(() => random.below(50) !== 0)
    .join('')

export const doubleLines: Damage = (text, random) =>
  text.replace(/.*\n/g, (line) => (random.below(50) === 0 ? line + line : line))

export const swapLines: Damage = (text, random) => {
  const lines = text.split(/(?<=\n)/)
  for (let count = Math.ceil(lines.length / 50); count > 0; count--) {
    const at = random.below(Math.max(1, lines.length - 1))
    lines.splice(at, 2, lines[at + 1] ?? '', lines[at] ?? '')
  }
  return lines.join('')
}

/** The start of a line, without its end, then the next one: a writer that was killed. */
export const tearLines: Damage = (text, random) =>
  text.replace(/.*\n/g, (line) => (random.below(100) === 0 ? line.slice(0, random.below(line.length)) : line))

/** A line of 200 kB now and then, of one letter, of blanks, of `SRC=`, of digits. */
export const insertLongLines: Damage = (text, random) => {
  const fillers = ['A', ' ', 'SRC=', '9', '[', '\t', 'IN=wg0 ', '"']
  const lines = text.split(/(?<=\n)/)
  for (let count = 6; count > 0; count--) {
    const at = random.below(lines.length + 1)
    const filler = fillers[random.below(fillers.length)] ?? ''
    const start = (lines[random.below(lines.length)] ?? '').slice(0, random.below(120)).replace('\n', '')
    lines.splice(at, 0, `${start}${filler.repeat(Math.ceil(200_000 / filler.length))}\n`)
  }
  return lines.join('')
}

/** What a file system leaves where a crash cut a write. */
export const nulRuns: Damage = (text, random) => {
  let bent = text
  for (let count = 5; count > 0; count--) {
    const at = random.below(bent.length + 1)
    bent = `${bent.slice(0, at)}${'\0'.repeat(random.below(5000))}${bent.slice(at + random.below(3000))}`
  }
  return bent
}

export const truncate: Damage = (text, random) => text.slice(0, random.below(text.length + 1))
export const beheaded: Damage = (text, random) => text.slice(random.below(text.length + 1))

export const appendGarbage: Damage = (text, random) => {
  const bytes = Buffer.alloc(20_000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256)
  return text + bytes.toString('latin1')
}

export const garbage: Damage = (_, random) => appendGarbage('', random)
export const empty: Damage = () => ''
export const newlines: Damage = () => '\n'.repeat(5000)
