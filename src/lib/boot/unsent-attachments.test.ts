import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Attachment } from '#lib/state/attachment.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { keepHistory } from './history.ts';
import { keepUnsent } from './unsent-attachments.ts';

const picture: Attachment = {
  id: 'p',
  name: 'p.jpg',
  text: '',
  picture: { mime: 'image/jpeg', bytes: Uint8Array.of(1), sha256: 'a'.repeat(64), width: 1, height: 1 },
};
const pdf: Attachment = { id: 'd', name: 'd.pdf', text: 'one\n\ntwo\n\n', pages: [0, 5] };

test('texts with their pages and pictures come back as they were; none is no entry', async () => {
  const storage = createMemoryStorage();
  const unsent = keepUnsent(storage, manualClock());
  await unsent.write('k', [picture, pdf]);
  expect(await unsent.read('k')).toEqual([picture, pdf]);
  expect(await unsent.read('other')).toEqual([]);
  await unsent.write('k', []);
  expect(await storage.list('messages', { limit: 10 })).toEqual([]);
});

test('those that waited longest are forgotten, and what cannot be read is none', async () => {
  const storage = createMemoryStorage();
  const clock = manualClock();
  const unsent = keepUnsent(storage, clock);
  await storage.put('messages', 'unsent/broken', { at: 'x' });
  expect(await unsent.read('broken')).toEqual([]);
  for (let index = 0; index < 22; index++) {
    await clock.advance(1);
    await unsent.write(`k${index}`, [pdf]);
  }
  expect(await unsent.read('k1')).toEqual([]);
  expect(await unsent.read('k2')).toEqual([pdf]);
  await clock.advance(31 * 24 * 60 * 60_000);
  await unsent.write('late', [pdf]);
  expect((await storage.list('messages', { limit: 100 })).map(({ key }) => key)).toEqual(['unsent/late']);
});

test('they go with their conversation, and are none of its turns', async () => {
  const history = keepHistory(createMemoryStorage());
  const id = 'a'.repeat(32);
  await history.unsent.write(id, [pdf]);
  expect(await history.turns(id)).toEqual([]);
  await history.remove(id);
  expect(await history.unsent.read(id)).toEqual([]);
});
