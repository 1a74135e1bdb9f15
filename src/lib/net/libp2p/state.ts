import type { NetStatus, RelayStatus } from '../spec.ts';

/** The overall state of a net: a relay is online while it runs, a peer while it is connected to a relay. */
export function overallState(role: 'peer' | 'relay' | 'stopped', relays: readonly RelayStatus[]): NetStatus['state'] {
  if (role === 'stopped') return 'stopped';
  if (role === 'relay') return 'online';
  if (relays.some(({ state }) => state === 'connected' || state === 'reserved')) return 'online';
  return relays.some(({ state, attempts }) => state === 'connecting' && attempts <= 1) ? 'connecting' : 'offline';
}
