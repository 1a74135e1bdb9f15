import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import * as envelopes from '#lib/protocol/envelope.ts';
import { offersTopic, shardOf, shardsOf } from '#lib/protocol/find.ts';
import { limits } from '#lib/protocol/limits.ts';
import { writeOffer } from '#lib/protocol/offer.ts';
import { offerFixture } from '#lib/protocol/protocol.fixture.ts';
import { createOfferValidator, offerBurstMax, type OfferValidatorComponents } from './offer-validator.ts';

const signerOf = (number: number): Signer => {
  const seed = new Uint8Array(32).fill(9);
  new DataView(seed.buffer).setUint32(0, number);
  return createSigner(seed);
};

function setup(change: Partial<OfferValidatorComponents> = {}, offersMax = 20) {
  const clock = manualClock();
  const directory = createDirectory({ clock, limits: { offersMax } });
  const validatorOf = createOfferValidator({ directory, clock, trusts: () => false, strangers: 'none', ...change });
  const validate = validatorOf(offersTopic);
  let seq = 0;
  const offerOf = (signer: Signer, issuedAt = clock.now()) =>
    writeOffer({ ...offerFixture, peer: signer.peer, seq: ++seq, issuedAt, ttlMs: 60_000 }, signer);
  return { clock, directory, validate, validatorOf, offerOf };
}

const here = (peer: string) => ({ source: peer, connected: true });

test('one connection cannot fill the directory of a relay with peers that are not there', () => {
  const { validate, offerOf, directory } = setup();
  const hostile = signerOf(1);
  for (let i = 2; i < 30; i++) {
    const made = signerOf(i);
    expect(validate(offerOf(made), made.peer, { source: hostile.peer, connected: false })).toBe('ignore');
  }
  const newcomer = signerOf(50);
  expect(validate(offerOf(newcomer), newcomer.peer, here(newcomer.peer))).toBe('accept');
  expect(directory.entries()).toHaveLength(1);
});

test('what a neighbour hands on of a peer that is connected counts, whichever copy was first', () => {
  const { validate, offerOf } = setup();
  const [worker, tab] = [signerOf(1), signerOf(2)];
  expect(validate(offerOf(worker), worker.peer, { source: tab.peer, connected: true })).toBe('accept');
});

test('a relay that is known is believed about peers elsewhere', () => {
  const [worker, relay] = [signerOf(1), signerOf(2)];
  const { validate, offerOf } = setup({ trusts: (source) => source === relay.peer });
  expect(validate(offerOf(worker), worker.peer, { source: relay.peer, connected: false })).toBe('accept');
});

test('a peer without a relay hears of a few strangers from a neighbour, and the neighbour itself is not cut off', () => {
  const { validate, offerOf } = setup({ strangers: 'few' }, 10_000);
  const neighbour = signerOf(1);
  const verdicts = Array.from({ length: offerBurstMax + 10 }, (_, i) => {
    const stranger = signerOf(100 + i);
    return validate(offerOf(stranger), stranger.peer, { source: neighbour.peer, connected: false });
  });
  expect(verdicts.filter((verdict) => verdict === 'accept')).toHaveLength(offerBurstMax);
  expect(verdicts.slice(offerBurstMax)).toEqual(Array.from({ length: 10 }, () => 'ignore'));
  expect(validate(offerOf(neighbour), neighbour.peer, here(neighbour.peer))).toBe('accept');
});

test('who floods pays with its own share and is held to it; whoever hands the flood on is not', async () => {
  const { validate, offerOf, clock } = setup();
  const [flooder, tab] = [signerOf(1), signerOf(2)];
  const bytes = offerOf(flooder);
  const verdicts = Array.from({ length: offerBurstMax }, () => validate(bytes, flooder.peer, here(flooder.peer)));
  expect(verdicts).toEqual(['accept', ...Array.from({ length: offerBurstMax - 1 }, () => 'ignore')]);
  expect(validate(bytes, flooder.peer, here(flooder.peer))).toBe('reject');
  expect(validate(bytes, flooder.peer, { source: tab.peer, connected: true })).toBe('ignore');
  expect(validate(offerOf(tab), tab.peer, here(tab.peer))).toBe('accept');
  // An honest peer never speaks as often as its share grows back.
  for (let i = 0; i < 2 * offerBurstMax; i++) {
    await clock.advance(limits.offerMinGapMs);
    expect(validate(offerOf(tab), tab.peer, here(tab.peer))).toBe('accept');
  }
});

test('the signature of what is late or repeated is not looked at', () => {
  const isSigned = vi.spyOn(envelopes, 'isSigned');
  const { validate, offerOf, clock } = setup();
  const worker = signerOf(1);
  const bytes = offerOf(worker);
  expect(validate(bytes, worker.peer, here(worker.peer))).toBe('accept');
  expect(isSigned).toHaveBeenCalledTimes(1);
  expect(validate(bytes, worker.peer, here(worker.peer))).toBe('ignore');
  expect(validate(offerOf(worker, clock.now() - 120_000), worker.peer, here(worker.peer))).toBe('ignore');
  expect(isSigned).toHaveBeenCalledTimes(1);
});

test('A12: a model whose name hides something is skipped, and the rest of its offer is kept', () => {
  const { validate, directory, clock } = setup();
  const worker = signerOf(1);
  const [model] = offerFixture.models;
  const bad = ['a\u202Eb', 'a\u200Bb', 'a\0', 'a\r\nb', '\x1B[2J', ' a', 'a\u0308', '', 'x'.repeat(129)];
  const names = ['good', ...bad, '../../etc', 'tаbloom-demo'];
  const offer = {
    ...offerFixture,
    peer: worker.peer,
    issuedAt: clock.now(),
    models: names.map((name) => ({ ...model, name })),
  };
  const bytes = envelopes.encodeEnvelope(envelopes.signEnvelope('offer', offer, worker));
  expect(validate(bytes, worker.peer, here(worker.peer))).toBe('accept');
  // A lookalike and a path are names like others; that the first is no name of the catalog is for whoever resolves it.
  expect(directory.get(worker.peer)!.offer.models.map(({ name }) => name)).toEqual([
    'good',
    '../../etc',
    'tаbloom-demo',
  ]);
  expect(bad.flatMap((name) => directory.serving({ name }))).toEqual([]);
});

test('an offer is passed on once on each topic that one of its models belongs on, and charged once', () => {
  const { validatorOf, offerOf } = setup();
  const worker = signerOf(1);
  const [shard] = shardsOf(offerFixture.models);
  const elsewhere = shardOf(shard!.endsWith('0') ? '1' : '0');
  const from = worker.peer;
  const verdicts = (offer: Uint8Array, ...topics: readonly string[]) =>
    topics.map((topic) => validatorOf(topic)(offer, from, here(from)));
  expect(verdicts(offerOf(worker), offersTopic, shard!, shard!, offersTopic)).toEqual([
    'accept',
    'accept',
    'ignore',
    'ignore',
  ]);
  expect(verdicts(offerOf(worker), elsewhere)).toEqual(['reject']);
  expect(verdicts(offerOf(worker), shard!, elsewhere)).toEqual(['accept', 'reject']);
  const goodbye = writeOffer({ ...offerFixture, peer: from, seq: 99, models: [], draining: true }, worker);
  expect(verdicts(goodbye, shard!, elsewhere, offersTopic)).toEqual(['accept', 'accept', 'accept']);
});
