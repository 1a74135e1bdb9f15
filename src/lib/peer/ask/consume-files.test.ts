import { expect, test } from 'vitest';
import type { EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { AskRequest } from '../spec.ts';
import { chat, createWorld, demo, follow, until } from '../peer.fixture.ts';

const timings = { ttftMs: 1, decodeMs: 1 };

/** A model that keeps what it is asked, and answers by the kind of work. */
function listener(): { readonly model: LoadedModel; readonly asked: EngineRequest[] } {
  const asked: EngineRequest[] = [];
  const model: LoadedModel = {
    model: demo,
    engine: { name: 'listener', build: '1', deviceClass: 'test' },
    contextTokens: 4_096,
    kinds: ['chat', 'embedding'],
    features: ['vision'],
    slots: 1,
    async *doStream(request) {
      // Its files are let go of when the job is over.
      asked.push({ ...request, blobs: new Map(request.blobs) });
      if (request.kind === 'embedding') {
        yield { type: 'embedding', index: 0, vector: new Uint8Array(new Float32Array([1, 0]).buffer) };
        yield { type: 'finish', reason: 'stop', usage: { tokensIn: 2, tokensOut: 0 }, timings };
        return;
      }
      yield { type: 'text-delta', text: 'seen', tokens: 1 };
      yield { type: 'finish', reason: 'stop', usage: { tokensIn: 2, tokensOut: 1 }, timings };
    },
    unload: async () => undefined,
  };
  return { model, asked };
}

test('a file reaches the engine whole, in frames, and once however often the input names it', async () => {
  const world = createWorld();
  const { model, asked } = listener();
  const worker = await world.worker(1, { model });
  const asker = await world.asker(2);
  // Three frames and a bit.
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  const picture = { type: 'blob' as const, mime: 'image/png', sha256: hashBytes(bytes), sizeBytes: bytes.length };
  const request = {
    ...chat('look'),
    input: { messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, picture, picture] }] },
    blobs: new Map([[picture.sha256, bytes]]),
  } as AskRequest;
  const job = follow(asker.consumer, request);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', text: 'seen' });
  expect([...asked[0]!.blobs!]).toEqual([[picture.sha256, bytes]]);
  expect(asker.trackRecord.standing(worker.net.self, demo.artefact)).toMatchObject({ finished: 1, broken: {} });
});

test('a request whose file is not given, or is another, is refused before anything leaves', async () => {
  const world = createWorld();
  const asker = await world.asker(2);
  const bytes = Uint8Array.of(1, 2, 3);
  const picture = { type: 'blob' as const, mime: 'image/png', sha256: hashBytes(bytes), sizeBytes: 3 };
  const input = { messages: [{ role: 'user', content: [picture] }] };
  for (const blobs of [undefined, new Map([[picture.sha256, Uint8Array.of(3, 2, 1)]])]) {
    const request = { ...chat(''), input, blobs } as AskRequest;
    expect(() => asker.consumer.ask(request)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  }
});

test('an answer of vectors alone is no empty answer', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { model: listener().model });
  const asker = await world.asker(2);
  const request = { ...chat(''), kind: 'embedding', input: { texts: ['hello'] }, params: {} } as AskRequest;
  const job = follow(asker.consumer, request);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', usage: { tokensIn: 2, tokensOut: 0 } });
  expect(job.state.output.data).toHaveLength(1);
  expect(asker.trackRecord.standing(worker.net.self, demo.artefact)).toMatchObject({ finished: 1, broken: {} });
});
