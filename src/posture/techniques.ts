/** ATT&CK techniques (attack.mitre.org, Enterprise) that posture can leave open, each with the tactic it matters for here. */
import type { Technique } from '../finding-document.ts'

const INITIAL_ACCESS = { id: 'TA0001', name: 'Initial Access' }
const PERSISTENCE = { id: 'TA0003', name: 'Persistence' }

/** A tunnel nobody documented is a way in of its own. */
export const EXTERNAL_REMOTE_SERVICES: Technique = {
  id: 'T1133',
  name: 'External Remote Services',
  tactic: INITIAL_ACCESS,
}

/** A key that should have ended is still good. */
export const VALID_ACCOUNTS: Technique = { id: 'T1078', name: 'Valid Accounts', tactic: INITIAL_ACCESS }

/** A key added, or its AllowedIPs widened, on the gateway. */
export const ACCOUNT_MANIPULATION: Technique = { id: 'T1098', name: 'Account Manipulation', tactic: PERSISTENCE }

const CREDENTIAL_ACCESS = { id: 'TA0006', name: 'Credential Access' }

/** A private key that lies where others can read it. */
export const PRIVATE_KEYS: Technique = { id: 'T1552.004', name: 'Private Keys', tactic: CREDENTIAL_ACCESS }

/** Frames read before or after the tunnel. */
export const NETWORK_SNIFFING: Technique = { id: 'T1040', name: 'Network Sniffing', tactic: CREDENTIAL_ACCESS }

/** Auditing that is off, or can be switched off unseen. */
export const LINUX_AUDIT_DISABLED: Technique = {
  id: 'T1562.012',
  name: 'Disable or Modify Linux Audit System',
  tactic: { id: 'TA0005', name: 'Defense Evasion' },
}

/** Published faults of a kernel that was not updated. */
export const PRIVILEGE_ESCALATION_EXPLOIT: Technique = {
  id: 'T1068',
  name: 'Exploitation for Privilege Escalation',
  tactic: { id: 'TA0004', name: 'Privilege Escalation' },
}
