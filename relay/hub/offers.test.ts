import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { DirectoryEntry } from '#lib/market/spec.ts';
import type { OfferModelOptions } from '#lib/peer/spec.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import { followOffers, hubModelOf, resoldIn } from './offers.ts';

const priceMax = { in: '100', out: '200' };
const artefact = 'a'.repeat(64);
const model = (more: Partial<OfferedModel> = {}): OfferedModel => ({
  artefact,
  name: 'a-model',
  kinds: ['chat', 'completion'],
  features: ['seed', 'stop'],
  contextTokens: 4_096,
  quantisation: 'q4_0',
  price: { in: '100', out: '200' },
  slots: 2,
  running: 0,
  queued: 0,
  ...more,
});
const entryOf = (peer: string, one: OfferedModel, more: object = {}): DirectoryEntry =>
  ({
    offer: { peer, draining: false, tiers: ['open'], models: [one], payout: { chain: 1 }, ...more },
  }) as unknown as DirectoryEntry;
const soldIn = (...entries: DirectoryEntry[]) =>
  resoldIn({ entries: () => entries }, { priceMax, chain: 1 }).map(({ peer }) => peer);

test('only what somebody is paid for, below the price of the hub and on its chain, is sold', () => {
  expect(
    soldIn(
      entryOf('good', model()),
      entryOf('dear', model({ price: { in: '100', out: '201' } })),
      entryOf('free', model({ price: { in: '0', out: '0' } })),
      entryOf('another hub', model({ hub: true })),
      entryOf('upstream', model({ upstream: true })),
      entryOf('uncountable', model({ kinds: ['image'] })),
      entryOf('elsewhere', model(), { payout: { chain: 2 } }),
      entryOf('unpayable', model(), { payout: undefined }),
      entryOf('leaving', model(), { draining: true }),
    ),
  ).toEqual(['good']);
});

test('a model is offered with what each of its providers has, and never as one that can be resumed', () => {
  const both = [
    model({ features: ['seed', 'stop', 'resume-exact'], contextTokens: 2_048 }),
    model({ kinds: ['chat', 'image'], features: ['stop', 'resume-exact'], slots: 5 }),
  ];
  expect(hubModelOf(both)).toMatchObject({
    entry: { artefact, name: 'a-model' },
    contextTokens: 2_048,
    kinds: ['chat'],
    features: ['stop'],
    slots: 7,
  });
  expect(hubModelOf([])).toBeUndefined();
});

test('the offers follow the directory, and what did not change is not offered again', async () => {
  const clock = manualClock();
  let entries: DirectoryEntry[] = [entryOf('one', model())];
  let changed: () => void = () => undefined;
  const steps: string[] = [];
  const end = followOffers({
    directory: {
      entries: () => entries,
      onChange: (listener) => {
        changed = () => (listener as () => void)();
        return () => void steps.push('forgotten');
      },
    },
    provider: {
      offerModel: (loaded: LoadedModel, options?: OfferModelOptions) =>
        void steps.push(`offer ${loaded.slots} for ${options?.price?.out}`),
      withdrawModel: () => void steps.push('withdraw'),
    },
    price: { in: '150', out: '300' },
    sold: () => resoldIn({ entries: () => entries }, { priceMax, chain: 1 }),
    load: (one) => ({ slots: one.slots }) as LoadedModel,
    clock,
  });
  const after = async (next: DirectoryEntry[]) => {
    entries = next;
    changed();
    changed();
    await clock.advance(500);
  };
  await after([entryOf('one', model({ running: 1 }))]);
  await after([entryOf('one', model()), entryOf('two', model())]);
  await after([]);
  await after([]);
  end();
  expect(steps).toEqual(['offer 2 for 300', 'offer 4 for 300', 'withdraw', 'forgotten']);
});
