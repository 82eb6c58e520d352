/** Spans of time and amounts of bytes in words for people: as many digits as a decision needs. */
import { DAY, HOUR, MINUTE, type Micros, MS, SECOND } from '../time.ts'

/** `0.412 s`, `9.1 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. Negative spans as their size. */
export function spanText(span: Micros): string {
  const size = Math.abs(span)
  if (!Number.isFinite(size)) return 'for ever'
  if (size < SECOND) return `${(Math.round(size / MS) / 1000).toFixed(3)} s`
  if (size < 10 * SECOND) return `${(Math.round(size / (100 * MS)) / 10).toFixed(1)} s`
  if (size < MINUTE) return `${Math.floor(size / SECOND)} s`
  if (size < HOUR) return pair(size, MINUTE, 'min', SECOND, 's')
  return size < DAY ? pair(size, HOUR, 'h', MINUTE, 'min') : pair(size, DAY, 'd', HOUR, 'h')
}

/** `42s`, `3m`, `5h`, `12d`: for columns. */
export function shortSpan(span: Micros): string {
  const size = Math.abs(span)
  const [unit, sign] = size < MINUTE ? [SECOND, 's'] : size < HOUR ? [MINUTE, 'm'] : size < DAY ? [HOUR, 'h'] : [DAY, 'd']
  return `${Math.floor(size / unit)}${sign}`
}

/** `836 B`, `8.4 kB`, `61 kB`, `1.2 GB`: powers of 1000. */
export function bytesText(bytes: number): string {
  let value = bytes
  for (const unit of ['B', 'kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5 || unit === 'TB') return `${value < 9.95 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`
    value /= 1000
  }
  return ''
}

function pair(size: Micros, big: Micros, bigName: string, small: Micros, smallName: string): string {
  const rest = Math.floor((size % big) / small)
  return `${Math.floor(size / big)} ${bigName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}
