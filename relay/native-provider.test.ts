import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { waitUntilListed } from './native-provider.ts';

function directoryDouble() {
  let models = 0;
  const changes = createEmitter<undefined>();
  return {
    isListed: () => models > 0,
    onChange: changes.listen,
    report(count: number) {
      models = count;
      changes.emit(undefined);
    },
  };
}

const wait = (
  { isListed, onChange }: ReturnType<typeof directoryDouble>,
  options: Parameters<typeof waitUntilListed>[2],
) => waitUntilListed(isListed, onChange, options);

test('waits through an offer without models until one has some', async () => {
  const [clock, directory] = [manualClock(), directoryDouble()];
  let outcome: string | undefined;
  const waiting = wait(directory, { clock }).then((result) => (outcome = result));
  directory.report(0);
  await clock.advance(1_000);
  expect(outcome).toBeUndefined();
  directory.report(1);
  await waiting;
  expect(outcome).toBe('listed');
  expect(clock.elapsed()).toBe(1_000);
});

test('gives up after five seconds, and at once when it is stopped', async () => {
  const clock = manualClock();
  const waiting = wait(directoryDouble(), { clock });
  await clock.advance(5_000);
  expect(await waiting).toBe('not-yet');
  expect(await wait(directoryDouble(), { clock, signal: AbortSignal.abort() })).toBe('not-yet');
});
