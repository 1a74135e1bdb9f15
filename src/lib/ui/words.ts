import { m } from '#messages';
import type { Offer } from '#lib/protocol/offer.ts';
import type { RoutePreview } from '#lib/state/target.ts';
import { peerName } from './peer-colour.ts';

/** Phrases used on several pages. */

/** A role from a later version is shown as is. */
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

type Offered = Pick<Offer, 'role' | 'engine' | 'models'>;

/**
 * Of one model of an offer: a peer's models may have engines of their own. What `protocol/offer.ts` has for it would bring the
 * schemas onto the page.
 */
export const kindText = (
  { role, engine }: Omit<Offered, 'models'>,
  model?: Pick<Offered['models'][number], 'engine'>,
) => deviceText({ role, engine: model?.engine ?? engine });

/** Of the model that is asked for, or of all that it has. */
export function kindsText(offer: Offered, name: string | 'any' = 'any'): string {
  const asked = offer.models.filter((model) => name === 'any' || model.name === name);
  return [...new Set(asked.map((model) => kindText(offer, model)))].join(', ') || deviceText(offer);
}

/** Says briefly who will answer, before anything is sent. `model`: the requested model, if any. */
export function routePreviewText(preview: RoutePreview, model: string | undefined): string {
  switch (preview.kind) {
    case 'network': {
      const [likely] = preview.offers;
      const { peer } = likely!.offer;
      const kind = kindsText(likely!.offer, preview.model);
      const first = likely!.self ? m.this_device() : m.peer_named({ peer: peerName(peer), kind });
      const count = preview.offers.length - 1;
      return count > 0 ? m.who_others({ first, count }) : first;
    }
    case 'this-device':
      return m.this_device();
    case 'load-first':
      return preview.model === undefined ? m.who_load_any() : m.who_load_first({ model: preview.model });
    case 'none':
      return preview.why === 'not-served' && model !== undefined
        ? m.who_nobody_model()
        : unavailableWords[preview.why]();
  }
}

const unavailableWords = {
  starting: m.who_starting,
  offline: m.who_offline,
  'not-served': m.who_nobody,
  'peer-gone': m.who_peer_gone,
  'asks-money': m.who_asks_money,
  'not-fitting': m.who_not_fitting,
} as const;
