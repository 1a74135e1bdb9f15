import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import {
  artefactA,
  envelopeFixture,
  marketOffer,
  modelFixture,
  nowMs,
  peerFixture,
} from '#lib/market/offer.fixture.ts';
import { levelOf, standingLimits } from '#lib/market/standing.ts';
import type { AskRequest, Scorer } from '../spec.ts';
import { createTrackRecord } from '../track-record.ts';
import { createAuditions } from './auditions.ts';

const job = {
  model: { artefact: artefactA },
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'my secret' }] },
  params: { maxTokens: 500, temperature: 0.4, stop: ['also secret'] },
  tier: 'open',
} as AskRequest;

/** Two workers with standing, and newcomers that answer as the test says; the promises of a job settle at once. */
async function network(
  newcomers: Readonly<Record<string, 'honest' | 'liar' | 'silent'>>,
  { scorer, known = ['K', 'L'] }: { readonly scorer?: Scorer; readonly known?: readonly string[] } = {},
) {
  const clock = manualClock(nowMs);
  const trackRecord = createTrackRecord({ clock });
  const directory = createDirectory({ clock });
  for (const name of [...known, ...Object.keys(newcomers)]) {
    directory.consider(marketOffer(name, { models: [modelFixture({ contextTokens: 4_096 })] }), envelopeFixture);
  }
  for (const name of known) {
    for (let i = 0; i < standingLimits.establishedAt + 5; i++) {
      trackRecord.record(peerFixture(name), artefactA, { type: 'finished', seen: {} });
    }
  }
  const asked: { readonly peer: string; readonly request: AskRequest }[] = [];
  const auditions = createAuditions({
    self: 'self',
    directory,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    scorer,
    trackRecord,
    zones: { zone: (peer) => peer, isOwn: () => false, noteBroken: () => undefined, brokenIn: () => 0 },
    async ask(request, peer) {
      asked.push({ peer, request });
      const text = request.kind === 'chat' ? String(request.input.messages[0]?.content) : '';
      const does = newcomers[peer.slice(8, 9)] ?? 'honest';
      if (does === 'silent') return undefined;
      const ids = Array.from({ length: 12 }, (_, i) => (does === 'liar' ? 0 : i + 1));
      return { text: does === 'liar' ? 'zip zap zop' : `The answer to ${text} is this.`, ids };
    },
  });
  const work = async (jobs: number) => {
    for (let i = 0; i < jobs; i++) {
      auditions.noteJob(job, { artefact: artefactA });
      await clock.advance(10);
    }
  };
  const level = (name: string) => levelOf(trackRecord.standing(peerFixture(name), artefactA), clock.now());
  return { asked, work, level, trackRecord };
}

test('an honest newcomer is admitted after three canaries, a liar is found out by its first', async () => {
  const { work, level } = await network({ A: 'honest', B: 'liar' });
  await work(1_500);
  expect([level('A'), level('B'), level('K'), level('L')]).toEqual([
    'on-trial',
    'distrusted',
    'established',
    'established',
  ]);
});

test('canaries and what they are compared with are at most three in a hundred jobs', async () => {
  const { asked, work } = await network({ A: 'liar', B: 'liar', C: 'honest' });
  await work(33);
  expect(asked).toEqual([]);
  await work(1_967);
  expect(asked.length).toBeGreaterThan(50);
  expect(asked.length).toBeLessThanOrEqual(2_000 * 0.03 + 3);
});

test('a canary has the shape of a real job, and nothing that its person has written', async () => {
  const { asked, work } = await network({ A: 'honest' });
  await work(200);
  expect(asked.length).toBeGreaterThan(0);
  for (const { request } of asked) {
    expect(request).toMatchObject({ kind: 'chat', tier: 'open', params: { maxTokens: 500, temperature: 0.4 } });
    expect(JSON.stringify(request)).not.toContain('secret');
  }
});

test('one that gives no answer is neither passed nor failed here', async () => {
  const { work, trackRecord } = await network({ A: 'silent' });
  await work(600);
  expect(trackRecord.standing(peerFixture('A'), artefactA)).toBeUndefined();
});

test('a worker with standing that turns is found out by spot checks, and loses it', async () => {
  const does: Record<string, 'honest' | 'liar'> = { A: 'honest' };
  const { work, level, trackRecord } = await network(does);
  for (let i = 0; i < standingLimits.establishedAt + 5; i++) {
    trackRecord.record(peerFixture('A'), artefactA, { type: 'finished', seen: {} });
  }
  await work(500);
  expect(level('A')).toBe('established');
  does['A'] = 'liar';
  await work(500);
  expect([level('A'), level('K'), level('L')]).toEqual(['distrusted', 'established', 'established']);
});

/** Weights that find a liar's tokens strange. */
const weights = (change: Partial<Scorer> = {}): Scorer => ({
  has: (artefact) => artefact === artefactA,
  score: async (_artefact, _request, { ids }) =>
    ids?.map((id) => {
      const surprise = id === 0 ? 20 : 0.2;
      return { logprob: -surprise, best: -0.2, sampled: { surprise, entropy: 0.5, variance: 1, renyiHalf: 0.9 } };
    }),
  ...change,
});

test('weights at hand judge an answer without anybody to compare with', async () => {
  const { asked, work, level } = await network({ A: 'honest', B: 'liar' }, { scorer: weights(), known: [] });
  await work(1_500);
  expect([level('A'), level('B')]).toEqual(['on-trial', 'distrusted']);
  // One canary a check, where a comparison takes two.
  expect(asked.length).toBeLessThanOrEqual(1_500 * 0.03 + 3);
});

test('where the weights cannot tell, answers are compared', async () => {
  for (const scorer of [weights({ score: async () => undefined }), weights({ score: async () => [] })]) {
    const { work, level } = await network({ A: 'honest', B: 'liar' }, { scorer });
    await work(1_500);
    expect([level('A'), level('B'), level('K')]).toEqual(['on-trial', 'distrusted', 'established']);
    const alone = await network({ A: 'honest', B: 'liar' }, { scorer, known: [] });
    await alone.work(1_500);
    expect([alone.level('A'), alone.level('B')]).toEqual(['stranger', 'stranger']);
  }
});
