import type { Clock } from '#lib/base/clock.ts';
import type { Consumer } from '#lib/peer/spec.ts';

export interface PrepareComponents {
  readonly clock: Clock;
  readonly consumer: () => Promise<Pick<Consumer, 'prepare'>>;
  readonly privateMode: () => boolean;
}

/** Half of the time that a way stays open: somebody who types on finds it open. */
const againMs = 4_000;

/**
 * Opens the way to whoever would answer, once somebody begins to type. Not in private mode: a worker that is not asked in
 * the end need not have heard of this device.
 */
export function createPrepare({ clock, consumer, privateMode }: PrepareComponents) {
  let last: { readonly atMs: number; readonly key: string } | undefined;
  return async ({ model, by }: { readonly model: string; readonly by: string }): Promise<void> => {
    if (privateMode() || by === 'this-device') return;
    const [atMs, key] = [clock.elapsed(), `${by} ${model}`];
    if (last?.key === key && atMs - last.atMs < againMs) return;
    last = { atMs, key };
    const asking = await consumer();
    await asking.prepare({
      model: model === 'any' ? 'any' : { name: model },
      kind: 'chat',
      input: { messages: [{ role: 'user', content: '?' }] },
      params: { maxTokens: 1 },
      tier: 'open',
      only: by === 'anyone' ? undefined : [by],
    });
  };
}
