import { expect, test } from 'vitest';
import { z } from 'zod';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { noBlobs, type JobKind } from '#lib/protocol/kinds/spec.ts';
import { jobKinds, type KindTable } from '#lib/protocol/kinds/table.ts';
import { foldOutput } from '#lib/protocol/output.ts';
import type { AskRequest } from '../spec.ts';
import { chat, createWorld, demo, follow, until } from '../peer.fixture.ts';
import { createConsumer } from './consume.ts';

/** A kind of work that exists here alone. */
const reverse: JobKind = {
  kind: 'reverse',
  input: z.strictObject({ text: z.string().max(100) }),
  params: z.strictObject({}),
  parts: ['text-delta'],
  fold: foldOutput,
  units: { in: 'character', out: 'character' },
  outputHash: ['text'],
  limits: noBlobs,
  needs: () => [],
  promptLength: (input) => (input as { text: string }).text.length,
  blobs: () => [],
};
const kinds: KindTable = { ...jobKinds, reverse };

const mirror = {
  model: demo,
  engine: { name: 'mirror', build: '1', deviceClass: 'test' },
  contextTokens: 4_096,
  kinds: ['reverse'],
  features: [],
  slots: 1,
  async *doStream({ input }: { readonly input: { readonly text: string } }) {
    yield { type: 'text-delta', text: [...input.text].toReversed().join(''), tokens: 1 };
    const timings = { ttftMs: 1, decodeMs: 1 };
    yield { type: 'finish', reason: 'stop', usage: { tokensIn: 1, tokensOut: 1 }, timings };
  },
  unload: async () => undefined,
} as unknown as LoadedModel;
const request = { ...chat(''), kind: 'reverse', input: { text: 'stressed' }, params: {} } as unknown as AskRequest;
const holds = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };

test('a kind that only the table passed in knows goes from asker to engine and back, with its receipt', async () => {
  const world = createWorld();
  await world.worker(1, { model: mirror, provider: { kinds } });
  const asker = await world.asker(2);
  const consumer = createConsumer({ ...asker, ...world, kinds, random: seededRandom(1), logger: silentLogger });
  const job = follow(consumer, request);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'finished',
    text: 'desserts',
    attempts: [{ settlement: { receiptCheck: holds } }],
  });
});

test('a worker that does not know the kind says so before any work; an asker refuses what it cannot read', async () => {
  const world = createWorld();
  await world.worker(1, { model: mirror });
  const asker = await world.asker(2);
  const consumer = createConsumer({ ...asker, ...world, kinds, random: seededRandom(1), logger: silentLogger });
  const job = follow(consumer, request);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', attempts: [{ outcome: 'refused', error: { code: 'version' } }] });
  expect(() => asker.consumer.ask(request)).toThrow(expect.objectContaining({ code: 'version' }));
});
