/** sshd in the inner host, and logins to it through the tunnel. */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startProcess } from './child-process.ts'
import { until } from './conditions.ts'
import type { LabPlace } from './lab-place.ts'
import { SERVER, SERVER_ADDRESSES } from './lab-plan.ts'
import { run } from './run-program.ts'

export type SshHost = {
  /** Runs a command there as root, from this source address of a client; gives the source port. Throws when either fails. */
  login(client: string, source: string, command: string): Promise<number>
}

const LOGIN_PATIENCE_MS = 30_000

export async function startSshd(place: LabPlace): Promise<SshHost> {
  const dir = join(place.dir, 'ssh')
  mkdirSync(dir, { mode: 0o700 })
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  for (const name of ['host', 'login'])
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', join(dir, name)])
  writeFileSync(join(dir, 'authorized_keys'), readFileSync(join(dir, 'login.pub')), { mode: 0o600 })
  const config = `ListenAddress 0.0.0.0
HostKey ${join(dir, 'host')}
AuthorizedKeysFile ${join(dir, 'authorized_keys')}
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PidFile none
UseDNS no
`
  writeFileSync(join(dir, 'sshd_config'), config)
  const log = join(place.dir, 'sshd.log')
  startProcess(place, place.inside(SERVER, ['/usr/sbin/sshd', '-D', '-e', '-f', join(dir, 'sshd_config')]), log)
  await until('sshd listens', () => readFileSync(log, 'latin1').includes('Server listening'))

  return {
    async login(client, source, command) {
      const options = ['-F', 'none', '-i', join(dir, 'login'), '-b', source, '-o', 'BatchMode=yes']
      const trust = [
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        `UserKnownHostsFile=${join(dir, 'known')}`,
        '-o',
        'ConnectTimeout=20',
      ]
      const words = ['ssh', ...options, ...trust, `root@${SERVER_ADDRESSES[0]}`, `echo "$SSH_CONNECTION"; ${command}`]
      const [program = '', ...rest] = place.inside(client, words)
      const { stdout } = await promisify(execFile)(program, rest, { timeout: LOGIN_PATIENCE_MS })
      return Number(stdout.split(' ')[1])
    },
  }
}
