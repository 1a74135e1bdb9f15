import type { Clock } from '#lib/base/clock.ts';
import { catalog } from '#lib/engine/catalog.ts';
import { capacities, emptyShelves } from '#lib/market/capacity.ts';
import type { RejectionReason } from '#lib/market/spec.ts';
import type { ConnectionStatus, RelayStatus } from '#lib/net/spec.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { createLive, type MutableLive } from './live.ts';
import type { SessionKind } from './session.ts';

/** The network as the pages show it, drawn from the peer that asks. */
export interface NetworkSnapshot {
  readonly phase: 'starting' | 'connecting' | 'online' | 'offline';
  readonly self: string | undefined;
  readonly identity: SessionKind;
  readonly relays: readonly RelayStatus[];
  readonly connections: readonly ConnectionStatus[];
  readonly offers: readonly { readonly offer: Offer; readonly self: boolean; readonly receivedAt: number }[];
  readonly capacity: readonly Shelf[];
  readonly incidents: readonly Incident[];
}

export interface Shelf {
  readonly model: string;
  readonly title: string;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly decodeTps: number;
}

export interface Incident {
  readonly at: number;
  readonly peer: string | undefined;
  readonly code: string;
  readonly message: string;
}

export interface NetworkWatcher {
  readonly view: MutableLive<NetworkSnapshot>;
  /** Watches this peer from now on in place of the one before. */
  watch(peer: Peer, kind: SessionKind): void;
  /** Takes note of what went wrong, for the doctor. */
  note(event: JobEvent, worker: string | undefined): void;
}

const incidentsMax = 50;
const titles = new Map(catalog.map((model) => [model.name, model.title]));

export function createNetworkWatcher({ clock }: { readonly clock: Clock }): NetworkWatcher {
  const view = createLive<NetworkSnapshot>({
    phase: 'starting',
    self: undefined,
    identity: 'own',
    relays: [],
    connections: [],
    offers: [],
    capacity: shelves([], 0),
    incidents: [],
  });
  let endWatching: () => void = () => undefined;

  return {
    view,
    watch(peer, kind) {
      endWatching();
      const { net, directory } = peer;
      const showNet = () => {
        const { state, relays, connections } = net.status();
        const phase = state === 'online' ? 'online' : state === 'offline' ? 'offline' : 'connecting';
        view.change({ phase, relays, connections });
      };
      let due = false;
      const showOffers = () => {
        due = false;
        const entries = directory.entries();
        view.change({
          offers: entries.map(({ offer, receivedAt }) => ({ offer, self: offer.peer === peer.self, receivedAt })),
          capacity: shelves(entries, clock.now()),
        });
      };
      const endings = [
        net.onStatus(showNet),
        // A burst of offers is drawn once.
        directory.onChange(() => {
          if (due) return;
          due = true;
          queueMicrotask(showOffers);
        }),
      ];
      endWatching = () => endings.forEach((end) => end());
      view.change({ self: peer.self, identity: kind });
      showNet();
      showOffers();
    },
    note(event, worker) {
      if (event.type !== 'worker-lost' && event.type !== 'worker-refused' && event.type !== 'job-failed') return;
      const { code, message } = event.error;
      const incident = { at: event.at, peer: worker, code, message };
      const rejected = event.type === 'job-failed' ? event.rejections : [];
      const more = rejected.map(({ peer, reason }) => ({
        at: event.at,
        peer,
        code: reason,
        message: rejectionWords[reason],
      }));
      view.change({ incidents: [incident, ...more, ...view.current.incidents].slice(0, incidentsMax) });
    },
  };
}

const rejectionWords: Readonly<Record<RejectionReason, string>> = {
  version: 'It speaks a newer version of the protocol.',
  'model-not-here': 'It does not serve this model.',
  tier: 'It does not offer this tier.',
  feature: 'Its model cannot do what was asked.',
  'context-too-small': 'Its model cannot read that much.',
  draining: 'It is going away.',
  'queue-full': 'Its queue is full.',
  parked: 'It failed several times just now; it is tried again soon.',
  'not-allowed': 'Another peer was asked for.',
  'tried-already': 'It was tried already.',
  expired: 'It has not been heard of for a while.',
};

function shelves(entries: Parameters<typeof capacities>[0], now: number): readonly Shelf[] {
  const served = capacities(entries, now);
  const empty = emptyShelves(
    // Each model once: its builds for other devices are the same shelf to a person.
    catalog.filter(({ source }) => source.kind !== 'mlc' || source.f16),
    served,
  );
  return [
    ...served.map(({ name, workers, slots, running, queued, decodeTps }) => ({
      model: name,
      title: titles.get(name) ?? name,
      workers,
      slots,
      running,
      queued,
      decodeTps,
    })),
    ...empty
      .slice(0, 40)
      .map(({ name, title }) => ({ model: name, title, workers: 0, slots: 0, running: 0, queued: 0, decodeTps: 0 })),
  ];
}
