/** What people run on the made-up audited host. In each text `#` becomes a number drawn anew, so that few commands are the same. */
export type Command = {
  readonly exe: string
  readonly args: readonly string[]
  /** What it then opens, '' for nothing. */
  readonly opens: string
  /** Where it then connects to, null for nowhere. */
  readonly connects: { readonly ip: string; readonly port: number } | null
}

export const COMMANDS: readonly Command[] = [
  command('/usr/bin/ls', ['ls', '-la', '/srv/ledger/archive/#']),
  command('/usr/bin/cat', ['cat', '/etc/ledger/ledger-#.conf'], '/etc/ledger/ledger-#.conf'),
  command('/usr/bin/tail', ['tail', '-n', '#', '/var/log/ledger/app-#.log'], '/var/log/ledger/app-#.log'),
  command('/usr/bin/grep', ['grep', '-rn', 'order #', '/srv/ledger/q3'], '/srv/ledger/q3/orders-#.csv'),
  command('/usr/bin/tar', ['tar', 'cf', '/srv/ledger/archive/all-#.tar', '/srv/ledger/q3-close.csv']),
  command('/usr/bin/bash', ['bash', '-c', 'read s </proc/self/sessionid; echo "$SSH_CLIENT $s #"; ls /home; date']),
  command('/usr/bin/date', ['date']),
  command('/usr/bin/id', ['id', '-un']),
  command('/usr/bin/ps', ['ps', '-eo', 'pid,ppid,user,cmd'], '/proc/#/status'),
  command('/usr/bin/du', ['du', '-sh', '/srv/ledger/archive/#']),
  command('/usr/bin/find', ['find', '/srv/ledger', '-name', '*.csv', '-mtime', '-#', '-print']),
  command('/usr/bin/sort', ['sort', '-t;', '-k#', '/tmp/export-#.csv'], '/tmp/export-#.csv'),
  command('/usr/bin/curl', ['curl', '-s', 'http://172.30.51.138/health?n=#'], '', '172.30.51.138', 80),
  command(
    '/usr/lib/postgresql/15/bin/psql',
    ['psql', '-h', '172.30.51.68', '-d', 'ledger', '-c', 'select * from orders where id = #'],
    '',
    '172.30.51.68',
    5432,
  ),
  command(
    '/usr/bin/python3.11',
    ['python3', '/opt/ledger/close-quarter.py', '--quarter', '#'],
    '/opt/ledger/close-quarter.py',
    '172.30.51.68',
    5432,
  ),
  command(
    '/usr/bin/git',
    ['git', '-C', '/srv/ledger/config', 'log', '--oneline', '-n', '#'],
    '/srv/ledger/config/.git/HEAD',
  ),
  command('/usr/bin/rsync', ['rsync', '-a', '/srv/ledger/q3/', 'app1:/srv/backup/#/'], '', '172.26.52.145', 22),
  command('/usr/bin/vim.basic', ['vim', '/etc/ledger/limits-#.yaml'], '/etc/ledger/limits-#.yaml'),
]

function command(exe: string, args: readonly string[], opens = '', ip = '', port = 0): Command {
  return { exe, args, opens, connects: ip === '' ? null : { ip, port } }
}
