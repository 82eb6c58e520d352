/** Goal: what a scrape says is what the status says, in the form Prometheus reads. */
import { describe, expect, test } from 'vitest'
import { metricsOf } from '../../../src/live/status/metrics.ts'
import type { DaemonStatus } from '../../../src/live/status.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { madeAlarm, madeSink, madeSource, madeStatus, NOW } from './made-status.ts'

describe('metrics', () => {
  /** `name{labels}` to value; checks the form of every line. */
  async function scrape(status: DaemonStatus): Promise<Map<string, number>> {
    const { text } = await metricsOf(status)
    const values = new Map<string, number>()
    for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
      const [, series = '', value = ''] = /^(peertrail_[a-z_]+(?:\{.*\})?) (-?[\d.e+]+)$/.exec(line) ?? []
      expect(series, line).not.toBe('')
      expect(values.has(series), line).toBe(false)
      values.set(series, Number(value))
    }
    return values
  }

  test('say what the status says, by host and source', async () => {
    const values = await scrape(
      madeStatus({
        sources: [
          madeSource({
            lines: 10,
            records: 7,
            unparsed: 2,
            suspect: 1,
            bytes: 900,
            behind: 5,
            lostBytes: 3,
            waiting: 4,
          }),
          madeSource({
            path: '/var/log/ulogd.json',
            lines: 1,
            records: 1,
            behind: 1,
            newestAt: NOW - MINUTE,
            problem: 'EIO',
          }),
          madeSource({ host: 'db "1"\n', name: 'auditd', newestAt: null }),
        ],
        sinks: [madeSink(), madeSink({ name: 'ndjson', error: 'ENOSPC', waiting: 12, spoolBytes: 99 })],
        alarms: [madeAlarm(), madeAlarm({ about: 'ndjson' }), madeAlarm({ kind: 'new-kind' })],
      }),
    )
    const expected = {
      'peertrail_build_info{version="0.1.0"}': 1,
      'peertrail_state{state="running"}': 1,
      'peertrail_state{state="blocked"}': 0,
      peertrail_start_time_seconds: NOW / SECOND - 3 * 86_400 - 7_200,
      peertrail_watermark_age_seconds: 1.4,
      'peertrail_source_lines_total{host="gw1",source="nftables"}': 11,
      'peertrail_source_records_total{host="gw1",source="nftables"}': 8,
      'peertrail_source_unparsed_total{host="gw1",source="nftables"}': 2,
      'peertrail_source_suspect_total{host="gw1",source="nftables"}': 1,
      'peertrail_source_lost_bytes_total{host="gw1",source="nftables"}': 3,
      'peertrail_source_behind_bytes{host="gw1",source="nftables"}': 6,
      'peertrail_source_waiting_records{host="gw1",source="nftables"}': 7,
      'peertrail_source_readable{host="gw1",source="nftables"}': 0,
      'peertrail_source_newest_record_age_seconds{host="gw1",source="nftables"}': 1.2,
      'peertrail_source_readable{host="db \\"1\\"\\n",source="auditd"}': 1,
      'peertrail_documents_total{dataset="wireguard.flow"}': 801_990,
      'peertrail_sink_failing{sink="store"}': 0,
      'peertrail_sink_failing{sink="ndjson"}': 1,
      'peertrail_sink_waiting_documents{sink="ndjson"}': 12,
      'peertrail_sink_spool_bytes{sink="ndjson"}': 99,
      'peertrail_sink_accepted_documents_total{sink="store"}': 1_530_118,
      peertrail_checkpoint_age_seconds: 4.1,
      peertrail_open_flows: 1_204,
      peertrail_late_records_total: 0,
      peertrail_resident_memory_bytes: 212_400_000,
      'peertrail_alarms{kind="sink-failing"}': 2,
      'peertrail_alarms{kind="ledger-stale"}': 0,
      'peertrail_alarms{kind="state-set-aside"}': 0,
      'peertrail_alarms{kind="new-kind"}': 1,
      'peertrail_collector_running{collector="gw1 conntrack"}': 1,
    }
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, values.get(key)]))).toEqual(expected)
    expect([...values.keys()].filter((key) => key.includes('newest_record_age') && key.includes('auditd'))).toEqual([])
  })

  test('of a daemon that has only started have no ages', async () => {
    const values = await scrape(
      madeStatus({
        sources: [],
        sinks: [],
        documents: {},
        collectors: [],
        watermark: null,
        checkpoint: { at: null, bytes: 0, error: 'x' },
      }),
    )
    expect([...values.keys()].filter((key) => key.includes('_age_'))).toEqual([])
    expect(values.get('peertrail_checkpoint_failing')).toBe(1)
  })

  test('a source that is no longer followed leaves no series', async () => {
    expect((await metricsOf(madeStatus())).text).toContain('source="conntrack"')
    expect((await metricsOf(madeStatus({ sources: [madeSource()] }))).text).not.toContain('source="conntrack"')
  })

  test('say of every one what it is, in its unit', async () => {
    const { text } = await metricsOf(madeStatus())
    const names = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)]
    expect(names.length).toBeGreaterThan(25)
    for (const [, name = '', type] of names) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'))
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
    }
  })
})
