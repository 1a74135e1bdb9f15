import type { Clock } from '#lib/base/clock.ts';
import { catalog } from '#lib/engine/catalog.ts';
import { capacities, unservedModels } from '#lib/market/capacity.ts';
import type { Considered, RejectionReason } from '#lib/market/spec.ts';
import type { Consumer, JobEvent } from '#lib/peer/spec.ts';
import type { CapacityView, ClockView, NetworkView, RouteReasonView } from '#lib/state/network.ts';
import type { Target } from '#lib/state/target.ts';
import { createLive, type Live, type MutableLive } from '#lib/base/live.ts';
import { shortQuestion } from './asking.ts';
import type { Session } from './sessions.ts';

export interface NetworkWatcher {
  readonly view: MutableLive<NetworkView>;
  /** Watches the peer that asks from now on, and the relays that list the one that serves. */
  watch(asking: Watched, serving: Watched): void;
  /** Records what went wrong, for the diagnostics page. */
  note(event: JobEvent, worker: string | undefined): void;
}

type Watched = Pick<Session, 'kind' | 'peer'>;

const incidentsMax = 50;
const titles = new Map(catalog.map((model) => [model.name, model.title]));

export interface NetworkWatcherComponents {
  /** This device's own, as the pages use it. */
  readonly clock: Clock;
  /** The peers' clock. */
  readonly now: () => number;
  readonly offset: Live<ClockView | undefined>;
}

export function createNetworkWatcher({ clock, now, offset }: NetworkWatcherComponents): NetworkWatcher {
  const view = createLive<NetworkView>({
    phase: 'starting',
    self: undefined,
    identity: 'own',
    relays: [],
    connections: [],
    offers: [],
    capacity: capacityViews([], 0),
    listedBy: [],
    clock: offset.current,
    incidents: [],
    forks: [],
    served: { tokens: 0, askers: 0 },
  });
  offset.listen((compared) => view.change({ clock: compared }));
  let endWatching: () => void = () => undefined;

  return {
    view,
    watch({ peer, kind }, serving) {
      endWatching();
      const { net, directory } = peer;
      const showNet = () => {
        const { state, relays, connections } = net.status();
        const phase = state === 'online' ? 'online' : state === 'offline' ? 'offline' : 'connecting';
        view.change({ phase, relays, connections });
      };
      const shared = () => peer.provider.servedModels('network') !== undefined;
      const showListing = () => view.change({ listedBy: serving.peer.listing?.relays ?? [] });
      const showForks = () => {
        const found = [serving.peer, peer].flatMap(({ reputation }) => reputation.forks.list());
        const views = found.map((one) => [one.peer, { peer: one.peer, side: one.fork.side, at: one.at }] as const);
        view.change({ forks: [...new Map(views).values()].sort((a, b) => b.at - a.at) });
      };
      const showServed = () => view.change({ served: serving.peer.reputation.served() });
      let due = false;
      const showOffers = () => {
        due = false;
        const entries = directory.entries();
        view.change({
          offers: entries.map(({ offer, receivedAt }) => {
            const self = offer.peer === peer.self;
            return { offer, self, audience: self && !shared() ? 'self' : 'network', receivedAt };
          }),
          // What this device offers only to itself is not capacity of the network.
          capacity: capacityViews(
            entries.filter(({ offer }) => offer.peer !== peer.self || shared()),
            now(),
          ),
        });
      };
      const endings = [
        net.onStatus(showNet),
        serving.peer.listing?.onChange(showListing) ?? (() => undefined),
        peer.reputation.onChange(showForks),
        serving.peer.reputation.onChange(() => {
          showServed();
          showForks();
        }),
        // A burst of offers is rendered once.
        directory.onChange(() => {
          if (due) return;
          due = true;
          queueMicrotask(showOffers);
        }),
      ];
      endWatching = () => endings.forEach((end) => end());
      view.change({ self: peer.self, identity: kind });
      showNet();
      showListing();
      showForks();
      showServed();
      showOffers();
    },
    note(event, worker) {
      if (event.type !== 'worker-lost' && event.type !== 'worker-refused' && event.type !== 'job-failed') return;
      const { code, message } = event.error;
      const at = clock.now();
      const incident = { at, peer: worker, code, message };
      const rejected = event.type === 'job-failed' ? event.rejections : [];
      const more = rejected.map(({ peer, reason }) => ({
        at,
        peer,
        code: reason,
        message: rejectionWords[reason],
      }));
      view.change({ incidents: [incident, ...more, ...view.current.incidents].slice(0, incidentsMax) });
    },
  };
}

/** Every worker and its reason, in words. */
export const explainRoute = (consumer: Pick<Consumer, 'explain'>, target: Target): readonly RouteReasonView[] =>
  consumer
    .explain(shortQuestion(target))
    .map(({ peer, reason }) => ({ peer, reason, message: { ...passWords, ...rejectionWords }[reason] }));

const passWords: Readonly<Record<Considered['reason'], string>> = {
  chosen: 'It would get your next question.',
  'not-drawn': 'It is as good as the chosen one; one of them was drawn.',
  slower: 'Another is expected to finish well before.',
  'dear-channel': 'A hub sells what it serves, and a channel of its own would cost more.',
  'same-zone': 'A worker behind the same address has been tried.',
  'on-trial': 'It is new and gets a small share of the questions.',
  vouched: 'Workers known here vouch for it; it gets a small share of the questions.',
  stranger: 'It has yet to prove itself; others have, and are free.',
  distrusted: 'It has broken more promises than it kept.',
  forked: 'It has signed two histories, so it is never asked.',
};

const rejectionWords: Readonly<Record<RejectionReason, string>> = {
  version: 'It speaks a newer version of the protocol.',
  'model-not-here': 'It does not serve this model.',
  tier: 'It does not offer this tier.',
  feature: 'Its model does not support what was asked.',
  quantisation: 'It has other quantisations of this model than the request accepts.',
  price: 'Its price is above the limit of the request.',
  'context-too-small': 'The conversation is longer than its model’s context.',
  draining: 'It is shutting down.',
  'queue-full': 'Its queue is full.',
  parked: 'It has failed several times. It will be retried soon.',
  'not-allowed': 'You chose another peer.',
  'tried-already': 'Already tried this peer.',
  expired: 'Its offer has expired.',
};

function capacityViews(entries: Parameters<typeof capacities>[0], now: number): readonly CapacityView[] {
  const served = capacities(entries, now);
  const empty = unservedModels(
    // Each model once: its builds for other devices are the same model to the user.
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
