/** ATT&CK techniques (attack.mitre.org, Enterprise) that traffic shows, each with the tactic it is told for here. */
import type { Technique } from '../../finding-document.ts'

const INITIAL_ACCESS = { id: 'TA0001', name: 'Initial Access' }
const DISCOVERY = { id: 'TA0007', name: 'Discovery' }
const LATERAL_MOVEMENT = { id: 'TA0008', name: 'Lateral Movement' }
const EXFILTRATION = { id: 'TA0010', name: 'Exfiltration' }
const COMMAND_AND_CONTROL = { id: 'TA0011', name: 'Command and Control' }

/** A good key in other hands, or used for what it was not given for. */
export const ACCOUNT_IN_USE: Technique = { id: 'T1078', name: 'Valid Accounts', tactic: INITIAL_ACCESS }
export const SERVICE_DISCOVERY: Technique = { id: 'T1046', name: 'Network Service Discovery', tactic: DISCOVERY }
export const SYSTEM_DISCOVERY: Technique = { id: 'T1018', name: 'Remote System Discovery', tactic: DISCOVERY }
export const REMOTE_SERVICES: Technique = { id: 'T1021', name: 'Remote Services', tactic: LATERAL_MOVEMENT }
export const REMOTE_DESKTOP: Technique = { id: 'T1021.001', name: 'Remote Desktop Protocol', tactic: LATERAL_MOVEMENT }
export const ADMIN_SHARES: Technique = { id: 'T1021.002', name: 'SMB/Windows Admin Shares', tactic: LATERAL_MOVEMENT }
export const SSH: Technique = { id: 'T1021.004', name: 'SSH', tactic: LATERAL_MOVEMENT }
export const VNC: Technique = { id: 'T1021.005', name: 'VNC', tactic: LATERAL_MOVEMENT }
export const REMOTE_MANAGEMENT: Technique = {
  id: 'T1021.006',
  name: 'Windows Remote Management',
  tactic: LATERAL_MOVEMENT,
}
export const OTHER_PROTOCOL: Technique = {
  id: 'T1048',
  name: 'Exfiltration Over Alternative Protocol',
  tactic: EXFILTRATION,
}
export const PROTOCOL_TUNNELING: Technique = { id: 'T1572', name: 'Protocol Tunneling', tactic: COMMAND_AND_CONTROL }
/** What a blocked program does that calls home. */
export const APPLICATION_PROTOCOL: Technique = {
  id: 'T1071',
  name: 'Application Layer Protocol',
  tactic: COMMAND_AND_CONTROL,
}
