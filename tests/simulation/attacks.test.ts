import { beforeAll, describe, expect, test } from 'vitest';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { attacks } from './attackers.ts';
import { createRememberingEd25519 } from './simulator/ed25519.ts';
import { createStrangers } from './strangers.ts';

/**
 * Attacks on an asker, each on its own and all at once. The names are those of the wire's rules that they break: who claims
 * what is not so (A1–A6), who makes others look guilty (A7–A9), who says too much or too little (A14, A15).
 */
const { name } = scriptedModel(200);
const quietMs = 220;

beforeAll(() => installEd25519(createRememberingEd25519()));

test('fifty hostile identities in five zones, all attacks at once, and a new one for each found out', async () => {
  const strangers = await createStrangers(1);
  const quiet = await strangers.ask(40);
  expect(quiet).toMatchObject({ honestShare: 1, failed: [], medianMs: quietMs });
  await strangers.invade(Object.values(attacks), { identities: 50, zones: 5, auditions: 'passed' });
  await strangers.ask(60);
  const during = await strangers.ask(200);
  strangers.leave();
  const after = await strangers.ask(40);
  expect(during.honestShare).toBeGreaterThanOrEqual(0.97);
  expect(during.failed).toEqual([]);
  expect(during.medianMs).toBeLessThanOrEqual(quietMs * 1.3);
  // Some of them had their share, and were found out by it.
  expect(during.hostileAttempts).toBeGreaterThan(0);
  expect(strangers.identities).toBeGreaterThan(50);
  expect(after).toMatchObject({ honestShare: 1, failed: [], medianMs: quietMs });
});

describe.each(Object.entries(attacks))('%s', (_name, attack) => {
  test('beside workers with standing', async () => {
    const strangers = await createStrangers(2);
    await strangers.invade([attack], { identities: 8, zones: 2 });
    const during = await strangers.ask(40);
    expect(during.honestShare).toBeGreaterThanOrEqual(0.97);
    expect([during.failed, during.medianMs]).toEqual([[], quietMs]);
  });

  test('where nobody has standing', async () => {
    const strangers = await createStrangers(2, { standing: 'none' });
    await strangers.invade([attack], { identities: 8, zones: 2 });
    const during = await strangers.ask(40);
    expect(during.honestShare).toBeGreaterThanOrEqual(0.5);
    expect([during.failed, during.medianMs]).toEqual([[], quietMs]);
  });
});

test('A5: a name of the catalogue is not taken by other files under it', async () => {
  const strangers = await createStrangers(3, { standing: 'none' });
  const offer = { artefact: 'b'.repeat(64) };
  await strangers.invade([attacks['A4 fast nonsense']], { identities: 8, zones: 2, offer });
  const byName = await strangers.ask(20, { model: { name } });
  expect(byName).toMatchObject({ honestShare: 1, failed: [], hostileAttempts: 0, wrong: 0 });
});

test('A6: a tier that is only claimed is refused, and nobody hears of the prompt', async () => {
  const strangers = await createStrangers(3);
  const offer = { tiers: ['open', 'verified', 'confidential'] };
  await strangers.invade([attacks['A4 fast nonsense']], { identities: 8, zones: 2, offer });
  for (const tier of ['verified', 'confidential']) {
    const asked = await strangers.ask(3, { tier });
    expect(new Set(asked.failed)).toEqual(new Set(['failed tier-unavailable']));
    expect(asked.hostileAttempts).toBe(0);
  }
});

test('A7: the asker’s own deadlines cost no worker its standing', async () => {
  const strangers = await createStrangers(3);
  const hasty = await strangers.ask(20, { deadlineMs: 1 });
  expect(new Set(hasty.failed)).toEqual(new Set(['failed deadline']));
  for (const peer of strangers.honest) {
    expect(strangers.trackRecord.standing(peer, scriptedModel(200).artefact)?.broken).toEqual({});
  }
  expect(await strangers.ask(20)).toMatchObject({ honestShare: 1, failed: [], medianMs: quietMs });
});

test('A8: two hundred jobs at once are answered or told to come again, and nobody is blamed', async () => {
  const strangers = await createStrangers(3);
  const flood = await strangers.ask(200, {}, 'all at once');
  // Four at each of five workers, which is what one asker may have there.
  expect(flood.honestShare).toBeGreaterThanOrEqual(0.1);
  expect(new Set(flood.failed)).toEqual(new Set(['failed busy']));
  expect(await strangers.ask(20)).toMatchObject({ honestShare: 1, failed: [], medianMs: quietMs });
});
