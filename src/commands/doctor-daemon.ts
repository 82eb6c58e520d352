/** Judges what the daemon itself needs: a user of its own, which deploy/systemd gives exactly the rights it needs. */
import { type Judgement, listText } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { DAEMON_USER } from './machine-reader.ts'

/** `Daemon`. */
export function judgeDaemon({ reader, ownFiles }: MachineFacts): Judgement {
  const [pipeline] = ownFiles.filter((path) => path.endsWith('pipeline.yaml'))
  const groups = reader.groups.filter((group) => group !== DAEMON_USER)
  const { isThere } = reader
  return {
    area: 'Daemon',
    wells: [
      ...(pipeline === undefined ? [] : [`${pipeline} is there`]),
      ...(isThere
        ? [`user ${DAEMON_USER}, ${groups.length === 0 ? 'in no other group' : `in ${groups.join(', ')}`}`]
        : []),
    ],
    findings: [
      ...(pipeline === undefined
        ? [
            {
              id: 'no-pipeline',
              severity: 'advice' as const,
              what: 'There is no /etc/peertrail/pipeline.yaml.',
              consequence: 'It says what the daemon reads; one is written for this machine by init.',
              mend: ['peertrail init'],
            },
          ]
        : []),
      ...(isThere
        ? []
        : [
            {
              id: 'no-daemon-user',
              severity: 'advice' as const,
              what: `There is no user ${DAEMON_USER} yet; who may read the logs was judged as if it were there${groups.length === 0 ? '' : `, in ${listText(groups)}`}.`,
              consequence: 'The unit in deploy/systemd runs as that user, with CAP_NET_ADMIN and nothing else.',
              mend: [
                'install -m 0644 deploy/systemd/peertrail.sysusers.conf /usr/lib/sysusers.d/peertrail.conf',
                'systemd-sysusers',
              ],
            },
          ]),
    ],
  }
}
