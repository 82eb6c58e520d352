/** Why a check of peers could not be made, worded once: the screen tells checks with the same reason together. */

export const NO_INVENTORY = 'No inventory is given, so nothing is documented: name one with --inventory FILE.'

export const NO_POLL =
  'No whole `wg show all dump` of it is known: live it takes root, in a capture it stands in wg.snapshots.'

export const NO_STORED =
  'No stored configuration is known: live it takes root to read /etc/wireguard, in a capture wg0.conf lies beside wg.snapshots.'

export const ONE_LOOK =
  'What changes over time is not seen in one look: `peertrail run` records the polls, then ask with --store DIR.'
