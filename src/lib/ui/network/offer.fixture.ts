import type { OfferView } from '#lib/state/network.ts';

/** An offer view for tests. */
export function offerView(
  peer: string,
  models: readonly {
    name: string;
    running?: number;
    queued?: number;
    slots?: number;
    decodeTps?: number;
    out?: string;
  }[],
  more: { readonly draining?: boolean; readonly self?: boolean; readonly contextTokens?: number } = {},
): OfferView {
  return {
    self: more.self ?? false,
    audience: 'network',
    receivedAt: 0,
    offer: {
      peer,
      seq: 1,
      issuedAt: 0,
      ttlMs: 45_000,
      role: 'tab',
      draining: more.draining ?? false,
      engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
      models: models.map((model) => ({
        artefact: 'a'.repeat(64),
        name: model.name,
        kinds: ['chat'],
        features: [],
        contextTokens: more.contextTokens ?? 1_024,
        quantisation: 'q8',
        price: { in: '0', out: model.out ?? '0' },
        slots: model.slots ?? 1,
        running: model.running ?? 0,
        queued: model.queued ?? 0,
        measured:
          model.decodeTps === undefined ? undefined : { prefillTps: 100, decodeTps: model.decodeTps, ttftMs: 100 },
      })),
      tiers: ['open'],
      policy: [],
      addrs: [],
      build: '0',
    },
  };
}
