import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { createWorld, demo, until } from '#lib/peer/peer.fixture.ts';
import type { AskRequest, JobEvent } from '#lib/peer/spec.ts';
import { rankByMeaning, type MeaningTerms } from './rank-by-meaning.ts';

const terms: MeaningTerms = { model: 'vectors', tier: 'open', peer: undefined };
const worker = { peer: 'A', self: false } as Extract<JobEvent, { type: 'worker-chosen' }>['worker'];

const bytesOf = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);

/** A peer whose vectors say how much of a text is about animals and how much about ships. */
function vectorOf(text: string): Uint8Array {
  const animals = /cat|dog|pet/.test(text) ? 1 : 0;
  const ships = /ship|sail/.test(text) ? 1 : 0;
  const length = Math.hypot(animals, ships) || 1;
  return bytesOf(animals / length, ships / length);
}

function scene(
  answer: (texts: readonly string[], round: number) => readonly Uint8Array[] | 'fails' = (texts) => texts.map(vectorOf),
) {
  const asked: AskRequest[] = [];
  const abort = new AbortController();
  async function* ask(request: AskRequest): AsyncIterable<JobEvent> {
    asked.push(request);
    const texts = request.kind === 'embedding' ? request.input.texts : [];
    const vectors = answer(texts, asked.length);
    if (vectors === 'fails') throw new TabloomError('no-peer-available', 'Nobody.');
    const job = { kind: 'embedding' } as Extract<JobEvent, { type: 'worker-chosen' }>['job'];
    yield { type: 'job-routing', at: 0, attempt: 1 };
    yield { type: 'worker-chosen', at: 0, job, worker };
    yield { type: 'channel-opened', at: 0, path: 'direct' };
    yield { type: 'job-accepted', at: 0, position: 0, etaMs: 0 };
    for (const [index, vector] of vectors.entries())
      yield { type: 'part-received', at: 0, part: { type: 'embedding', index, vector } };
    yield { type: 'job-finished', at: 0, reason: 'stop', usage: { tokensIn: 1, tokensOut: 0 } } as unknown as JobEvent;
  }
  const byWords = async (question: string, passages: readonly string[]) =>
    [...passages.keys()].filter((index) => question.split(' ').some((word) => passages[index]!.includes(word)));
  const rank = (question: string, passages: readonly string[], more: Partial<MeaningTerms> = {}) =>
    rankByMeaning(question, passages, { ...terms, ...more }, { ask, byWords, signal: abort.signal });
  return { rank, asked, abort };
}

const passages = ['the weather', 'a dog barks', 'a ship leaves', 'the pet sleeps'];

test('what means the same comes first, though no word is the same', async () => {
  const { rank, asked } = scene();
  expect((await rank('cat', passages)).slice(0, 2)).toEqual([1, 3]);
  expect(asked).toMatchObject([
    { kind: 'embedding', model: { name: 'vectors' }, tier: 'open', input: { texts: ['cat', ...passages] } },
  ]);
  expect(asked[0]!.only).toBeUndefined();
});

test('a long text goes to the peer that was asked first and to no other, and so much of it at most', async () => {
  const { rank, asked } = scene();
  const many = Array.from({ length: 2_000 }, (_, index) => (index === 1_999 ? 'rare' : `line ${index}`));
  const order = await rank('rare', many, { tier: 'verified' });
  expect(order[0]).toBe(1_999);
  expect(asked).toHaveLength(9);
  expect(asked.slice(1).every(({ only, tier }) => only?.[0] === 'A' && only.length === 1 && tier === 'verified')).toBe(
    true,
  );
  expect(order.length).toBe(512);
});

test('the peer that was chosen is the only one that reads it', async () => {
  const { rank, asked } = scene();
  await rank('cat', passages, { peer: 'B' });
  expect(asked[0]!.only).toEqual(['B']);
});

test.each([
  ['nobody answers', () => 'fails'],
  ['some vectors are missing', () => [bytesOf(1)]],
  [
    'vectors are not of one length',
    (texts: readonly string[]) => texts.map((_, index) => bytesOf(...Array<number>(index + 1).fill(0))),
  ],
] as const)('where %s, words are compared alone', async (_, answer) => {
  const { rank } = scene(answer as Parameters<typeof scene>[0]);
  expect(await rank('ship', passages)).toEqual([2]);
});

test('what is no number is near to nothing', async () => {
  const { rank } = scene((texts) =>
    texts.map((text) => (text.includes('weather') ? bytesOf(Number.NaN, 1) : vectorOf(text))),
  );
  expect((await rank('cat', passages)).at(-1)).toBe(0);
});

test('stopped, it ranks nothing', async () => {
  const { rank, abort } = scene(() => {
    abort.abort();
    return 'fails';
  });
  await expect(rank('cat', passages)).rejects.toThrow();
});

test('over the network every passage gets its vector, all from one of the peers', async () => {
  const world = createWorld();
  await world.worker(1);
  await world.worker(2);
  const asker = await world.asker(3);
  const { signal } = new AbortController();
  const many = Array.from({ length: 100 }, (_, index) => `passage number ${index}`);
  const chosen = new Set<string>();
  async function* ask(request: AskRequest) {
    for await (const event of asker.consumer.ask(request, { signal })) {
      if (event.type === 'worker-chosen') chosen.add(event.worker.peer);
      yield event;
    }
  }
  const byWords = async () => [7];
  let order: readonly number[] = [];
  const ranking = rankByMeaning('question', many, { ...terms, model: demo.name }, { ask, byWords, signal }).then(
    (ranked) => (order = ranked),
  );
  await until(world.clock, () => order.length > 0);
  await ranking;
  expect(order.toSorted((a, b) => a - b)).toEqual([...many.keys()]);
  expect(chosen.size).toBe(1);
});
