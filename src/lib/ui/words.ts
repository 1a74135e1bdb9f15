import { m } from '#messages';
import type { Offer } from '#lib/protocol/offer.ts';
import type { RoutePreview } from '#lib/state/target.ts';
import { peerName } from './peer-colour.ts';

/** Phrases that recur on several pages. */

/** A role of a later version is called what it calls itself. */
export const roleText = (role: string): string =>
  role === 'tab' ? m.kind_tab() : role === 'native' ? m.kind_native() : role === 'enclave' ? m.kind_enclave() : role;

/** `browser tab (GPU)`. */
export function deviceText({ role, engine }: Pick<Offer, 'role' | 'engine'>): string {
  const kind = roleText(role);
  const device = engine.deviceClass;
  if (device.startsWith('webgpu')) return m.kind_on_gpu({ kind });
  if (device.includes('cpu')) return m.kind_on_cpu({ kind });
  return kind;
}

/** Who will answer, in a few words, said before anything is sent. `model`: the one asked for by name. */
export function routePreviewText(prospect: RoutePreview, model: string | undefined): string {
  switch (prospect.kind) {
    case 'network': {
      const [likely] = prospect.offers;
      const { peer } = likely!.offer;
      const first = likely!.self
        ? m.this_device()
        : m.peer_named({ peer: peerName(peer), kind: deviceText(likely!.offer) });
      const count = prospect.offers.length - 1;
      return count > 0 ? m.who_others({ first, count }) : first;
    }
    case 'this-device':
      return m.this_device();
    case 'load-first':
      return prospect.model === undefined ? m.who_load_any() : m.who_load_first({ model: prospect.model });
    case 'nobody':
      return prospect.why === 'nobody-serves' && model !== undefined
        ? m.who_nobody_model()
        : nobodyWords[prospect.why]();
  }
}

const nobodyWords = {
  starting: m.who_starting,
  offline: m.who_offline,
  'nobody-serves': m.who_nobody,
  'peer-gone': m.who_peer_gone,
} as const;
