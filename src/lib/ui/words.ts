import type { WorkerView } from '#lib/state/answer.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { Prospect } from '#lib/state/target.ts';
import { peerName } from './peer-colour.ts';
import { plural } from './format.ts';

/** The sentences that recur on several pages. */

/** What the tier `open` promises, and what it does not. Those of the others stand apart, since no page begins with them. */
export const openSentence =
  'The computer that answers can read your prompt. The connection is encrypted against everyone in between.';

export const localSentence = 'Nothing leaves this device.';

/** `a browser tab on its processor`. */
export function machineWords({ role, engine }: Pick<Offer, 'role' | 'engine'>): string {
  const kind = role === 'tab' ? 'a browser tab' : role === 'native' ? 'a native engine' : 'an enclave';
  const device = engine.deviceClass;
  if (device.startsWith('webgpu')) return `${kind} on its GPU`;
  if (device.includes('cpu')) return `${kind} on its processor`;
  return kind;
}

export const pathWords = {
  direct: 'direct connection',
  relayed: 'through a relay',
  loopback: 'on this device',
} as const;

export function workerWords(worker: WorkerView): string {
  return worker.self ? 'This device' : `Peer ${peerName(worker.peer)}, ${machineWords(worker)}`;
}

/** Who will answer, in a few words, said before anything is sent. */
export function prospectWords(prospect: Prospect): string {
  switch (prospect.kind) {
    case 'network': {
      const [likely] = prospect.offers;
      const name = likely!.self
        ? 'This device'
        : `Peer ${peerName(likely!.offer.peer)}, ${machineWords(likely!.offer)}`;
      const others = prospect.offers.length - 1;
      return others > 0 ? `${name}, or one of ${plural(others, 'other')} that can` : name;
    }
    case 'this-device':
      return 'This device';
    case 'load-first':
      return `This device, once ${prospect.model ?? 'a model'} is loaded`;
    case 'nobody':
      return nobodyWords[prospect.why];
  }
}

const nobodyWords = {
  starting: 'Looking for peers',
  offline: 'No connection to the network',
  'nobody-serves': 'Nobody is serving this model now',
  'peer-gone': 'This peer is not serving now',
} as const;
