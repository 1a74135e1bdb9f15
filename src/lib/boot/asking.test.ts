import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { createPrepare } from './asking.ts';

function fixture(privateMode = false) {
  const clock = manualClock();
  const asked: AskRequest[] = [];
  const prepare = createPrepare({
    clock,
    privateMode: () => privateMode,
    consumer: async () => ({ prepare: async (request) => void asked.push(request) }),
  });
  return { clock, asked, prepare };
}

test('opens the way to the target, and again while somebody types on', async () => {
  const { prepare, asked, clock } = fixture();
  await prepare({ model: 'any', by: 'anyone' });
  await prepare({ model: 'any', by: 'anyone' });
  expect(asked).toMatchObject([{ model: 'any', only: undefined }]);
  await prepare({ model: 'tabloom-demo', by: '12D3KooWPeer' });
  expect(asked[1]).toMatchObject({ model: { name: 'tabloom-demo' }, only: ['12D3KooWPeer'] });
  await clock.advance(4_000);
  await prepare({ model: 'tabloom-demo', by: '12D3KooWPeer' });
  expect(asked).toHaveLength(3);
});

test('tells nobody of a private question, or of one that stays here', async () => {
  const [shy, own] = [fixture(true), fixture()];
  await shy.prepare({ model: 'any', by: 'anyone' });
  await own.prepare({ model: 'any', by: 'this-device' });
  expect([shy.asked, own.asked]).toEqual([[], []]);
});
