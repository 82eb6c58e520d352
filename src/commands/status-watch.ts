/** Draws a screen again and again in place, on the terminal's other screen, so that what stood there before is back afterwards. */
import { createTextOutlet, type TextStream } from './text-outlet.ts'

export type ScreenStream = TextStream & { readonly rows?: number }

export type WatchDeps = {
  /** The screen as it is now; lines ended by LF, at most so many of them where that can be had. */
  readonly draw: (rows: number) => Promise<string>
  /** Until the next one; false when it is over. */
  readonly pause: () => Promise<boolean>
}

/** xterm's control sequences, which every terminal of a Linux machine knows: other screen and no cursor; back again. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
/** Rests of what stood there: of the line, of the screen below. Nothing is cleared first, so nothing flickers. */
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const ROWS = 24

/** Ends when `pause` says so, or when nobody reads any more. */
export async function watchScreen(stdout: ScreenStream, { draw, pause }: WatchDeps): Promise<void> {
  const outlet = createTextOutlet(stdout)
  await outlet.write(ENTER)
  try {
    do {
      const rows = Math.max(2, stdout.rows ?? ROWS)
      const frame = fitted(await draw(rows - 1), rows)
      const lines = frame.map((line) => `${line}${CLEAR_LINE}`).join('\n')
      if (!(await outlet.write(`${HOME}${lines}${CLEAR_BELOW}`))) return
    } while (await pause())
  } finally {
    // Emptied first: a terminal that was made larger meanwhile (tmux) would keep lines of it on the first screen.
    await outlet.write(`${HOME}${CLEAR_BELOW}${LEAVE}`)
  }
}

/** As many lines as there are rows, the last of them saying how to leave and what is missing. */
function fitted(screen: string, rows: number): string[] {
  const lines = screen.replace(/\n$/, '').split('\n')
  const shown = lines.slice(0, rows - 1)
  const missing = lines.length - shown.length
  return [...shown, missing === 0 ? 'Ctrl-C ends' : `Ctrl-C ends · ${missing} more lines below`]
}
