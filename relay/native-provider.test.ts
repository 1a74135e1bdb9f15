import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { DirectoryChange, DirectoryEntry } from '#lib/market/spec.ts';
import { waitUntilListed } from './native-provider.ts';

const self = '12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7';

function directoryDouble() {
  let models = 0;
  const changes = createEmitter<DirectoryChange>();
  return {
    get: () => ({ offer: { models: Array.from({ length: models }) } }) as unknown as DirectoryEntry,
    onChange: changes.listen,
    hear(count: number) {
      models = count;
      changes.emit({ type: 'gone', peer: self });
    },
  };
}

test('waits through an offer without models until one has some', async () => {
  const [clock, directory] = [manualClock(), directoryDouble()];
  let outcome: string | undefined;
  const waiting = waitUntilListed(directory, self, { clock }).then((said) => (outcome = said));
  directory.hear(0);
  await clock.advance(1_000);
  expect(outcome).toBeUndefined();
  directory.hear(1);
  await waiting;
  expect(outcome).toBe('listed');
  expect(clock.elapsed()).toBe(1_000);
});

test('gives up after five seconds, and at once when it is stopped', async () => {
  const clock = manualClock();
  const waiting = waitUntilListed(directoryDouble(), self, { clock });
  await clock.advance(5_000);
  expect(await waiting).toBe('not-yet');
  expect(await waitUntilListed(directoryDouble(), self, { clock, signal: AbortSignal.abort() })).toBe('not-yet');
});
