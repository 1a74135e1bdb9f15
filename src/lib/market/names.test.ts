import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { createOfferIndex } from './offer-index.ts';
import { fullName, resolveModel, searchedModel, type Catalogue } from './names.ts';
import { artefactA, artefactB, entryFixture, modelFixture, nowMs, peerFixture } from './offer.fixture.ts';
import { route } from './route.ts';
import type { DirectoryEntry, RouteQuery } from './spec.ts';

const catalogue: Catalogue = new Map([['tabloom-demo', artefactA]]);
const offers = (...entries: readonly DirectoryEntry[]) => {
  const index = createOfferIndex();
  for (const entry of entries) index.put(entry);
  return { ...index, entries: () => index.all };
};
const serves = (peer: string, name: string, artefact: string) =>
  entryFixture(peer, { models: [modelFixture({ name, artefact })] });
/** Peer ids end alike in the fixtures but for these. */
const ending = (suffix: string) => suffix.padStart(44, 'x');
const [alice, bob, carol] = [
  ending('ALicexxxxxxxx1234'),
  ending('Bobbyxxxxxxxx1234'),
  ending('Carrrxxxxxxxx9999'),
] as const;

const resolved = (name: string, ...entries: readonly DirectoryEntry[]) =>
  resolveModel({ name }, catalogue, offers(...entries).serving);

describe('A5: a name of the catalogue', () => {
  test('means its artefact, whoever offers what under it', () => {
    const model = { type: 'anyone', model: { artefact: artefactA } };
    expect(resolved('tabloom-demo')).toEqual(model);
    expect(resolved('tabloom-demo', serves('I', 'tabloom-demo', artefactB))).toEqual(model);
  });

  test('brings an impostor none of the jobs, however fast it says it is', () => {
    const measured = { prefillTps: 1e9, decodeTps: 1e9, ttftMs: 0 };
    const impostor = entryFixture('I', {
      models: [modelFixture({ artefact: artefactB, slots: 1_024, measured })],
    });
    const query: RouteQuery = { model: { name: 'tabloom-demo' }, tier: 'open', contextTokens: 200, kind: 'chat' };
    const random = seededRandom(1);
    const both = offers(entryFixture('A'), impostor);
    for (let i = 0; i < 200; i++) {
      const { candidate } = route(query, both, {}, { catalogue, random, now: nowMs });
      expect(candidate?.entry.offer.peer).toBe(peerFixture('A'));
    }
    expect(route(query, offers(impostor), {}, { catalogue, random, now: nowMs }).candidate).toBeUndefined();
  });

  test('means its artefact at a peer that is named with it, too', () => {
    const honest = serves(alice, 'tabloom-demo', artefactA);
    const other = serves(alice, 'tabloom-demo', artefactB);
    const name = fullName('tabloom-demo', peerFixture(alice));
    expect(resolved(name, honest)).toEqual({ type: 'one', model: { artefact: artefactA }, peer: peerFixture(alice) });
    expect(resolved(name, other)).toEqual({ type: 'nobody' });
  });
});

describe('A5: any other name belongs to its peer', () => {
  const [a, b, c] = [
    serves(alice, 'mine', artefactA),
    serves(bob, 'mine', artefactB),
    serves(carol, 'mine', artefactA),
  ] as const;
  const nameOf = (peer: string) => `mine@${peerFixture(peer).slice(-16)}`;

  test('and is understood where all who offer it offer the same', () => {
    expect(resolved('mine')).toEqual({ type: 'nobody' });
    expect(resolved('mine', a)).toEqual({ type: 'anyone', model: { artefact: artefactA } });
    expect(resolved('mine', a, c)).toEqual({ type: 'anyone', model: { artefact: artefactA } });
  });

  test('or is refused with the full names', () => {
    expect(resolved('mine', a, b, c)).toEqual({ type: 'ambiguous', names: [alice, bob, carol].map(nameOf).sort() });
    const query: RouteQuery = { model: { name: 'mine' }, tier: 'open', contextTokens: 200, kind: 'chat' };
    const choice = route(query, offers(a, b), {}, { random: seededRandom(1), now: nowMs });
    expect(choice.candidate).toBeUndefined();
    expect(choice.refusal).toEqual({ code: 'model-ambiguous', names: [alice, bob].map(nameOf).sort() });
  });

  test('its full name, or as much of it as is enough, finds the one', () => {
    const one = (peer: string, artefact: string) => ({ type: 'one', model: { artefact }, peer: peerFixture(peer) });
    expect(resolved(nameOf(bob), a, b, c)).toEqual(one(bob, artefactB));
    expect(resolved('mine@9999', a, b, c)).toEqual(one(carol, artefactA));
    expect(resolved('mine@1234', a, b, c)).toMatchObject({ type: 'ambiguous' });
    expect(resolved('mine@xyz9', a, b, c)).toEqual({ type: 'nobody' });
    const query: RouteQuery = { model: { name: nameOf(bob) }, tier: 'open', contextTokens: 200, kind: 'chat' };
    const { candidate } = route(query, offers(a, b, c), {}, { random: seededRandom(1), now: nowMs });
    expect([candidate?.entry.offer.peer, candidate?.model.artefact]).toEqual([peerFixture(bob), artefactB]);
  });

  test('and cannot be taken by offering the full name as a name', () => {
    const thief = serves('T', nameOf(bob), artefactA);
    expect(resolved(nameOf(bob), thief)).toEqual({ type: 'nobody' });
    expect(resolved(nameOf(bob), thief, b)).toMatchObject({ type: 'one', peer: peerFixture(bob) });
    const query: RouteQuery = { model: { name: nameOf(bob) }, tier: 'open', contextTokens: 200, kind: 'chat' };
    expect(route(query, offers(thief), {}, { random: seededRandom(1), now: nowMs }).candidate).toBeUndefined();
  });

  test('where only some peers may be asked, the name is read among them', () => {
    const query: RouteQuery = { model: { name: 'mine' }, tier: 'open', contextTokens: 200, kind: 'chat' };
    const only = [peerFixture(bob)];
    const choice = route({ ...query, only }, offers(a, b, c), {}, { random: seededRandom(1), now: nowMs });
    expect(choice.candidate?.entry.offer.peer).toBe(peerFixture(bob));
  });

  test('a name with an at sign that ends in no part of an id is a name like any other', () => {
    expect(resolved('mine@v1.5', serves('A', 'mine@v1.5', artefactB))).toMatchObject({ type: 'anyone' });
    expect(resolved('@abcd', serves('A', '@abcd', artefactB))).toMatchObject({ type: 'anyone' });
  });
});

test('A6: a tier that nobody has proven is refused before anybody is asked', () => {
  const query: RouteQuery = { model: { artefact: artefactA }, tier: 'confidential', contextTokens: 200, kind: 'chat' };
  const liar = entryFixture('L', { role: 'tab', tiers: ['open', 'verified', 'confidential'] });
  const options = { random: seededRandom(1), now: nowMs };
  expect(route(query, offers(liar), {}, options)).toMatchObject({
    candidate: undefined,
    refusal: { code: 'tier-unavailable' },
  });
  const proves = (peer: string) => peer === peerFixture('P');
  const proven = route(query, offers(liar, entryFixture('P')), { proves }, options);
  expect([proven.candidate?.entry.offer.peer, proven.refusal]).toEqual([peerFixture('P'), undefined]);
});

test('relays are asked for the artefact that a name means, else for the name as its peer offers it', () => {
  const full = fullName('mine', peerFixture(ending('ALicexxxxxxxx1234')));
  const searched = (model: RouteQuery['model']) => searchedModel(model, catalogue);
  expect(searched('any')).toEqual({});
  expect(searched({ artefact: artefactB })).toEqual({ artefact: artefactB });
  expect(searched({ name: 'tabloom-demo' })).toEqual({ artefact: artefactA });
  expect(searched({ name: fullName('tabloom-demo', full) })).toEqual({ artefact: artefactA });
  expect([searched({ name: full }), searched({ name: 'mine' })]).toEqual([{ name: 'mine' }, { name: 'mine' }]);
});
