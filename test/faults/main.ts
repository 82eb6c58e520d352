/**
 * `npm run test:faults [-- --rounds N --seed S --theme T --soak MINUTES]`: does the daemon lose or double anything when processes are
 * killed, logs rotated, sinks stuck, disks full and state files damaged? Exits 1 unless nothing is missing, doubled or wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createChance } from './chance.ts'
import { crashPoints } from './crash-points.ts'
import { emptyVerdict, type Verdict } from './judge.ts'
import { playRound, type RoundResult } from './round.ts'
import { planRound, pointsFor, THEME_NAMES } from './round-plan.ts'
import { soak } from './soak.ts'
import { headLine, resultLine, totalLine } from './verdict-table.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    theme: { type: 'string' },
    soak: { type: 'string' },
    keep: { type: 'boolean' },
  },
})
const say = (text: string): void => void process.stdout.write(`${text}\n`)
/** Without --rounds: one of each theme, as many as begin within this time. */
const SHORT_MS = 100_000
/** Crash points of one round. */
const POINTS_A_ROUND = 2

process.exitCode = values.soak === undefined ? await playRounds() : (await soak(Number(values.soak), say)) ? 0 : 1

async function playRounds(): Promise<number> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const rounds = Number(values.rounds ?? THEME_NAMES.length)
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(rounds) || rounds < 1) {
    say('usage: npm run test:faults -- [--rounds N] [--seed S] [--theme T] [--soak MINUTES]')
    return 2
  }
  const themes = values.theme === undefined ? THEME_NAMES : [values.theme]
  const order = createChance(seed).shuffled(themes)
  // Filling a hot file takes a minute: in a long run only.
  const all = crashPoints().filter((point) => point !== 'hot-full' || rounds > 2 * THEME_NAMES.length)
  const hits = new Map(all.map((point) => [point, 0]))
  let wanted = createChance(seed + 1).shuffled(all)
  const total = emptyVerdict()
  const failed: string[] = []
  let kills = 0
  let skipped = 0
  say(`seed ${seed}, ${rounds} rounds`)
  say(headLine())
  const startedAt = Date.now()
  for (let round = 0; round < rounds; round++) {
    if (values.rounds === undefined && Date.now() - startedAt > SHORT_MS) {
      say(
        `${round} of ${rounds} themes in the time of a short run; others come first with another seed, all with --rounds ${rounds}`,
      )
      break
    }
    const theme = order[round % order.length] ?? ''
    const points = pointsFor(theme, wanted, POINTS_A_ROUND)
    wanted = [...wanted.filter((point) => !points.includes(point)), ...points]
    const plan = planRound(seed * 1000 + round, theme, points)
    const dir = mkdtempSync(join(tmpdir(), 'peertrail-faults-'))
    const from = Date.now()
    const result = await playRound(dir, plan)
    say(resultLine(round, theme, result, (Date.now() - from) / 1000))
    for (const point of result.points) hits.set(point, (hits.get(point) ?? 0) + 1)
    add(total, result.verdict)
    kills += result.kills
    if (result.skipped !== '') skipped++
    if (isGood(result)) {
      if (values.keep !== true) rmSync(dir, { recursive: true, force: true })
      continue
    }
    failed.push(`round ${round} (${theme}), seed ${seed}: ${dir}`)
    for (const text of [...result.problems, ...result.verdict.notes]) say(`    ${text}`)
  }
  const hit = [...hits].filter(([, count]) => count > 0)
  say(totalLine(total, kills, hit.length, all.length))
  const never = [...hits].filter(([, count]) => count === 0).map(([point]) => point)
  if (never.length > 0) say(`crash points not hit this time: ${never.join(', ')}`)
  if (skipped > 0) say(`${skipped} rounds skipped: mounting a small disk is not permitted here`)
  for (const each of failed) say(`failed: ${each}`)
  return failed.length === 0 ? 0 : 1
}

function isGood({ verdict, problems }: RoundResult): boolean {
  return verdict.missing === 0 && verdict.duplicates === 0 && verdict.wrong === 0 && problems.length === 0
}

function add(total: Verdict, { written, found, stated, missing, duplicates, wrong, repeated }: Verdict): void {
  total.written += written
  total.found += found
  total.stated += stated
  total.missing += missing
  total.duplicates += duplicates
  total.wrong += wrong
  total.repeated += repeated
}
