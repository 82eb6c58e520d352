/**
 * The kernel has one audit daemon. Where it can be ours for the time of the lab, it writes the lab's audit.log; the rules are those of
 * deploy/audit.rules that ask for a login, and are taken away again. Where it cannot, the lab has no audit records at all: made-up
 * ones would prove nothing.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from './child-process.ts'
import { until } from './conditions.ts'
import type { LabPlace } from './lab-place.ts'
import { attempt } from './run-program.ts'

/** System-wide, so as narrow as the lab's question allows: who logged in through sshd, and what that login ran. */
const RULES = [
  '-S accept -S accept4 -F success=1 -F exe=/usr/sbin/sshd -k accept',
  '-F path=/usr/sbin/sshd -F perm=x -k sshd',
  '-S execve -S execveat -F auid!=unset -k exec',
]

/** Path of the audit log, or why there is none. */
export async function startAudit(place: LabPlace): Promise<{ readonly path: string } | { readonly skipped: string }> {
  const status = attempt(['auditctl', '-s'])
  if (status.status !== 0) return { skipped: `auditctl -s: ${status.stderr.trim() || `status ${status.status}`}` }
  const pid = Number(/^pid (\d+)$/m.exec(status.stdout)?.[1])
  const enabled = Number(/^enabled (\d+)$/m.exec(status.stdout)?.[1])
  if (pid !== 0 && existsSync(`/proc/${pid}`))
    return { skipped: `process ${pid} is the audit daemon of this machine already` }
  if (enabled === 2) return { skipped: 'the audit rules of this kernel are locked until its next boot' }
  const path = join(place.dir, 'audit.log')
  const config = join(place.dir, 'auditd')
  mkdirSync(join(config, 'plugins.d'), { recursive: true, mode: 0o750 })
  writeFileSync(join(config, 'auditd.conf'), configText(path, join(config, 'plugins.d')), { mode: 0o640 })
  if (enabled === 0) place.undoLater({ run: ['auditctl', '-e', '0'] })
  const daemon = startProcess(place, ['auditd', '-n', '-c', config], join(place.dir, 'auditd.stderr'))
  await until('auditd writes its log, or ends', () => existsSync(path) || !daemon.isRunning)
  if (!daemon.isRunning) return { skipped: `auditd ended with status ${await daemon.end}` }
  for (const rule of RULES) {
    const words = ['always,exit', '-F', 'arch=b64', ...rule.split(' ')]
    place.undoLater({ run: ['auditctl', '-d', ...words] })
    const { status: end, stderr } = attempt(['auditctl', '-a', ...words])
    if (end !== 0) return { skipped: `auditctl -a ${words.join(' ')}: ${stderr.trim()}` }
  }
  return { path }
}

/** No plugins, no rotation; auditd.conf(5). */
function configText(path: string, plugins: string): string {
  return `local_events = yes
write_logs = yes
log_file = ${path}
log_group = root
log_format = ENRICHED
flush = INCREMENTAL_ASYNC
freq = 1
max_log_file = 50
max_log_file_action = IGNORE
plugin_dir = ${plugins}
space_left = 75
admin_space_left = 50
space_left_action = IGNORE
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
`
}
