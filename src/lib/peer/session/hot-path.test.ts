import { afterEach, expect, test, vi } from 'vitest';
import { chat, createWorld, follow, until } from '../peer.fixture.ts';

const counted = vi.hoisted(() => ({ decodes: 0 }));
vi.mock('#lib/protocol/cbor-read.ts', async (original) => {
  const real = await original<typeof import('#lib/protocol/cbor-read.ts')>();
  return {
    readCbor(bytes: Uint8Array) {
      counted.decodes += 1;
      return real.readCbor(bytes);
    },
  };
});

const generator = Object.getPrototypeOf(async function* () {}.prototype) as {
  next: (value?: unknown) => Promise<unknown>;
};
const { next } = generator;
afterEach(() => {
  generator.next = next;
});

test('a token passes at most four generators and two decoders on its way from the engine to the reader', async () => {
  const world = createWorld();
  // Paced, so that no two tokens travel together.
  await world.worker(1, { answerTokens: 200 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello', { params: { maxTokens: 200, temperature: 0 } }));
  await until(world.clock, () => job.state.tokens >= 20);
  const from = job.state.tokens;
  let steps = 0;
  generator.next = function (this: unknown, value?: unknown) {
    steps += 1;
    return next.call(this, value);
  };
  counted.decodes = 0;
  await until(world.clock, () => job.state.tokens >= 180);
  generator.next = next;
  const tokens = job.state.tokens - from;
  expect(Math.min(counted.decodes, steps)).toBeGreaterThanOrEqual(tokens);
  // Checkpoints come in between: one for each 64 tokens, read and opened.
  expect(counted.decodes / tokens).toBeLessThan(2);
  expect(steps / tokens).toBeLessThanOrEqual(4.1);
});
