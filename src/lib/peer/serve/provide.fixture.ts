import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import { createWorld, demo, openRaw, textOf, type RawAsker } from '../peer.fixture.ts';
import type { UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';

/** One worker, one asker without manners, and models that do as told. */
export const last = (raw: RawAsker): WorkerFrame | UnknownFrame | undefined => raw.frames.at(-1);
export const kinds = (raw: RawAsker) => raw.frames.map(({ t }) => t).filter((t, i, all) => t !== all[i - 1]);

export const textOfRaw = (raw: RawAsker) => textOf(raw.frames);

/** A model that does as told, and counts what was asked of it. */
export function puppet(stream: (signal: AbortSignal) => AsyncGenerator<EngineEvent>, slots = 1) {
  const seen = { started: 0, pulled: 0, ended: 0 };
  const model: LoadedModel = {
    model: demo,
    engine: { name: 'puppet', build: '1', deviceClass: 'test' },
    contextTokens: 4_096,
    kinds: ['chat', 'completion'],
    features: [],
    slots,
    async *doStream(_request, { signal }) {
      seen.started += 1;
      try {
        for await (const event of stream(signal!)) {
          seen.pulled += 1;
          yield event;
        }
      } finally {
        seen.ended += 1;
      }
    },
    unload: async () => undefined,
  };
  return { model, seen };
}

export const textPart = (content: string): EngineEvent => ({ type: 'text-delta', text: content, tokens: 1 });
export const finish: EngineEvent = {
  type: 'finish',
  reason: 'stop',
  usage: { tokensIn: 1, tokensOut: 1 },
  timings: { ttftMs: 1, decodeMs: 1 },
};

export async function scene(options: Parameters<ReturnType<typeof createWorld>['worker']>[1] = {}) {
  const world = createWorld();
  const worker = await world.worker(1, options);
  const asker = await world.asker(2);
  const open = async (net = asker.net) => openRaw(net, worker.net.self);
  return { ...world, resident: world.asker, hire: world.worker, worker, asker, open };
}
