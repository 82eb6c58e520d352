/** What happens in a round, chosen from its seed. Moments are only as exact as processes start and disks write. */
import { type Chance, createChance } from './chance.ts'
import { timesOf } from './crash-points.ts'
import { DAMAGES, type Damage } from './damage-state.ts'
import type { SinkMode } from './sink-process.ts'
import type { LogName, WriterOrder } from './writer-process.ts'

export type Fault =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'kill'; readonly what: 'daemon' | 'writer' | 'both' | 'command' }
  /** The daemon is killed, and stays down until `up`. */
  | { readonly do: 'down' | 'up' | 'reload' | 'fill' | 'clear' }
  /** The daemon is started to end itself there. */
  | { readonly do: 'crash'; readonly point: string; readonly times: number }
  | { readonly do: 'order'; readonly order: WriterOrder }
  | { readonly do: 'sink'; readonly mode: SinkMode }
  | { readonly do: 'damage'; readonly how: Damage }

export type RoundPlan = {
  readonly theme: string
  readonly conntrack: 'file' | 'command'
  readonly spool: string
  /** Which place has a small disk of its own. */
  readonly disk: '' | 'state' | 'store' | 'ndjson'
  readonly hasOldStore: boolean
  /** Lines a second. */
  readonly perSecond: number
  readonly faults: readonly Fault[]
}

type Sketch = { readonly faults: Fault[] } & Partial<Omit<RoundPlan, 'theme' | 'faults'>>

const up: Fault = { do: 'up' }
const down: Fault = { do: 'down' }
const killDaemon: Fault = { do: 'kill', what: 'daemon' }
const order = (wanted: WriterOrder): Fault => ({ do: 'order', order: wanted })
const sink = (mode: SinkMode): Fault => ({ do: 'sink', mode })
const LOGS: readonly [LogName, ...LogName[]] = ['kern', 'kern', 'conntrack']

type Draw = {
  readonly chance: Chance
  readonly wait: (from?: number, to?: number) => Fault
  readonly rename: (late?: number) => Fault
  readonly log: () => LogName
}

const TWO_WRITERS = 'two-writers'

/** Each a function of its own chance. */
const THEMES: Readonly<Record<string, (draw: Draw) => Sketch>> = {
  kills: ({ wait }) => ({
    faults: [wait(), killDaemon, wait(50, 700), killDaemon, wait(300, 2500), killDaemon, wait(1500, 2500)],
  }),
  points: ({ wait }) => ({ faults: [wait(1000, 1500)] }),
  rename: ({ wait, rename, log }) => ({
    faults: [
      wait(),
      rename(),
      wait(),
      killDaemon,
      rename(),
      order({ do: 'compress', log: log() }),
      wait(),
      rename(),
      wait(1200, 1500),
    ],
  }),
  'rotated-while-down': ({ wait, rename }) => ({
    faults: [
      wait(1500, 2500),
      down,
      wait(200, 400),
      rename(),
      wait(200, 400),
      rename(),
      wait(200, 400),
      rename(),
      order({ do: 'compress', log: 'kern' }),
      wait(200, 400),
      up,
      wait(1500, 2500),
      rename(),
    ],
  }),
  'copied-and-cut-idle': ({ wait, log, chance }) => {
    const cut = (name: LogName): Fault[] => [
      order({ do: 'pause' }),
      wait(300, 1300),
      order({ do: 'copytruncate', log: name, between: 0 }),
      ...(chance.isIn(50) ? [killDaemon] : []),
      order({ do: 'go-on' }),
      wait(),
    ]
    return {
      faults: [
        wait(),
        ...cut('kern'),
        ...cut(log()),
        down,
        wait(200, 300),
        order({ do: 'copytruncate', log: 'kern', between: 0 }),
        wait(),
        up,
        wait(),
      ],
    }
  },
  'copied-and-cut-busy': ({ wait, log }) => ({
    faults: [
      wait(1000, 2000),
      order({ do: 'copytruncate', log: 'kern', between: 20 }),
      wait(),
      order({ do: 'copytruncate', log: log(), between: 0 }),
      wait(),
      killDaemon,
      wait(),
      order({ do: 'copytruncate', log: 'kern', between: 200 }),
      wait(),
    ],
  }),
  removed: ({ wait, rename, log }) => {
    const name = log()
    return {
      faults: [
        wait(1500, 2500),
        rename(),
        wait(),
        order({ do: 'remove', log: 'kern' }),
        wait(),
        down,
        wait(200, 400),
        order({ do: 'rename', log: name, linger: 2, late: 0 }),
        wait(200, 400),
        order({ do: 'rename', log: name, linger: 2, late: 0 }),
        order({ do: 'remove', log: name }),
        wait(200, 400),
        up,
        wait(),
      ],
    }
  },
  'writer-killed': ({ wait, rename }) => ({
    faults: [
      wait(),
      { do: 'kill', what: 'writer' },
      wait(),
      { do: 'kill', what: 'both' },
      wait(),
      rename(),
      { do: 'kill', what: 'writer' },
      wait(),
      { do: 'kill', what: 'both' },
      wait(),
    ],
  }),
  command: ({ wait }) => ({
    conntrack: 'command',
    faults: [
      wait(1500, 2500),
      { do: 'kill', what: 'command' },
      wait(1500, 2500),
      killDaemon,
      wait(1500, 2500),
      { do: 'kill', what: 'command' },
      killDaemon,
      wait(2000, 3000),
    ],
  }),
  sinks: ({ wait, chance }) => ({
    faults: [
      ...chance
        .shuffled<SinkMode>(['late', 'stall', 'refuse', 'refuse-kept', 'die', 'die-kept'])
        .slice(0, 4)
        .flatMap((mode) => [wait(), sink(mode), wait(700, 1500), ...(chance.isIn(30) ? [killDaemon] : []), sink('ok')]),
      wait(),
    ],
  }),
  flood: ({ wait, rename }) => ({
    spool: '64KiB',
    faults: [
      wait(),
      sink('stall'),
      order({ do: 'burst', lines: 30_000 }),
      wait(1000, 1500),
      rename(),
      killDaemon,
      wait(1500, 2500),
      sink('late'),
      wait(),
      sink('ok'),
      wait(1500, 2000),
    ],
  }),
  'disk-full-state': (draw) => ({ disk: 'state', faults: fullDisk(draw) }),
  'disk-full-store': (draw) => ({ disk: 'store', faults: fullDisk(draw) }),
  'disk-full-ndjson': (draw) => ({ disk: 'ndjson', faults: fullDisk(draw) }),
  'state-damaged': ({ wait, chance, rename }) => ({
    faults: [
      wait(2200, 3000),
      rename(),
      { do: 'damage', how: chance.pick(DAMAGES) },
      wait(1500, 2500),
      { do: 'damage', how: chance.pick(DAMAGES) },
      wait(),
    ],
  }),
  'old-store': ({ wait, chance }) => ({
    hasOldStore: true,
    faults: [wait(), killDaemon, wait(), killDaemon, wait(), ...(chance.isIn(50) ? [killDaemon, wait()] : [])],
  }),
  mixed: (draw) => ({ faults: mixed(draw) }),
  // Not gone through by itself: lines of two writers have no order, so their times depend on when they are read.
  [TWO_WRITERS]: ({ wait, rename }) => ({
    faults: [wait(), rename(6), wait(1200, 1500), killDaemon, wait(), rename(6), wait(1200, 1500)],
  }),
}

function fullDisk({ wait, chance }: Draw): Fault[] {
  return [
    wait(1500, 2500),
    { do: 'fill' },
    wait(1500, 2500),
    ...(chance.isIn(50) ? [killDaemon, wait(700, 900)] : []),
    { do: 'clear' },
    wait(1500, 2500),
  ]
}

function mixed({ wait, rename, log, chance }: Draw): Fault[] {
  const some: readonly [() => Fault[], ...(() => Fault[])[]] = [
    () => [killDaemon],
    () => [rename()],
    () => [{ do: 'kill', what: 'writer' }],
    () => [{ do: 'kill', what: 'both' }],
    () => [{ do: 'reload' }],
    () => [order({ do: 'compress', log: log() })],
    () => [sink('refuse'), wait(), sink('ok')],
    () => [down, rename(), wait(200, 300), rename(), up],
    () => [order({ do: 'burst', lines: chance.between(1, 5) * 1000 })],
  ]
  return Array.from({ length: 8 }, () => [wait(100, 700), ...chance.pick(some)()]).flat()
}

export const THEME_NAMES: readonly string[] = Object.keys(THEMES).filter((name) => name !== TWO_WRITERS)

/** Points that come only in a round made for them. */
const THEME_OF_POINT: Readonly<Record<string, string>> = {
  'state-set-aside': 'state-damaged',
  'merged-written': 'old-store',
  'merged-recorded': 'old-store',
  'expired-recorded': 'old-store',
  'hot-full': 'flood',
}

/** Of the points still wanted, those that the theme can come by; the first few of them. */
export function pointsFor(theme: string, wanted: readonly string[], most: number): string[] {
  // In the order of this table: what comes later in the code comes after what ended it earlier.
  const own = Object.keys(THEME_OF_POINT).filter((point) => THEME_OF_POINT[point] === theme && wanted.includes(point))
  const any = wanted.filter((point) => THEME_OF_POINT[point] === undefined)
  return [...own, ...any].slice(0, Math.max(most, own.length))
}

/** `points`: where the daemon is to end itself. */
export function planRound(seed: number, theme: string, points: readonly string[]): RoundPlan {
  const chance = createChance(seed)
  const draw: Draw = {
    chance,
    wait: (from = 300, to = 900) => ({ do: 'wait', ms: chance.between(from, to) }),
    rename: (late = 0) => order({ do: 'rename', log: 'kern', linger: chance.between(0, 15), late }),
    log: () => chance.pick(LOGS),
  }
  const sketch = THEMES[theme]?.(draw) ?? { faults: [] }
  const crashes = points.map((point): Fault => ({ do: 'crash', point, times: chance.between(1, timesOf(point)) }))
  const needsFlood = points.includes('hot-full')
  const flood: Fault[] = needsFlood ? [order({ do: 'burst', lines: 110_000 }), draw.wait()] : []
  const damagedFirst = crashes.flatMap((crash): Fault[] =>
    crash.do === 'crash' && crash.point === 'state-set-aside' ? [{ do: 'damage', how: 'garbage' }, crash] : [crash],
  )
  return {
    theme,
    conntrack: 'file',
    spool: '1GiB',
    disk: '',
    hasOldStore: false,
    perSecond: chance.pick([300, 1000, 2000]),
    ...sketch,
    // What an old store does, it does soon after the first restart, once.
    faults:
      sketch.hasOldStore === true
        ? [draw.wait(2000, 2500), ...damagedFirst, ...sketch.faults]
        : [...sketch.faults, ...flood, ...damagedFirst],
  }
}
