import { describe, expect, it } from 'vitest'
import { parseDumpHeader } from '../../src/sources/dump-header.ts'
import { toIso } from '../../src/time.ts'

describe('the dated line before a dump', () => {
  it.each([
    ['# 2026-11-22T15:09:26.964+00:00 gw1', '2026-11-22T15:09:26.964Z', 'gw1'],
    ['# 2026-11-22T15:09:26Z gw1', '2026-11-22T15:09:26.000Z', 'gw1'],
    ['# 2026-11-22T20:39:26+05:30 edge', '2026-11-22T15:09:26.000Z', 'edge'],
    ['# 2026-11-22T20:39:26,123456789+0530 edge', '2026-11-22T15:09:26.123456Z', 'edge'],
    ['# 2026-11-22 12:09:26-03 gw1\r', '2026-11-22T15:09:26.000Z', 'gw1'],
    ['# 2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z', ''],
  ])('%j is %s of %j', (text, iso, host) => {
    const header = parseDumpHeader(text)
    expect(header === null ? null : [toIso(header.at), header.host]).toEqual([iso, host])
  })

  it.each([
    '# 2026-11-22T15:09:26 gw1',
    '# 2026-02-29T00:00:00Z gw1',
    '# 2026-13-01T00:00:00Z gw1',
    '# 2026-11-22T24:00:00Z gw1',
    '# 2026-11-22T15:09:26+19:00 gw1',
    '# 0000-01-01T00:00:00Z gw1',
    '# 1969-12-31T23:59:59Z gw1',
    '#2026-11-22T15:09:26Z gw1',
    '# 2026-11-22T15:09:26Z gw1 more',
    `# 2026-11-22T15:09:26Z${' '.repeat(100_000)}`,
    '# ',
  ])('%j is none', (text) => {
    expect(parseDumpHeader(text)).toBeNull()
  })
})
