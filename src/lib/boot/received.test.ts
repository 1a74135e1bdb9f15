import { expect, test } from 'vitest';
import { memoryCaches } from '#lib/engine/files/memory-caches.fixture.ts';
import { keepReceived, receivedCache, receivedKey } from './received.ts';
import { takeReceived } from './take-received.ts';

function form(fields: Readonly<Record<string, string>>, files: readonly File[] = []): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  for (const file of files) data.append('files', file);
  return data;
}

test('what was shared is handed out once', async () => {
  const caches = memoryCaches();
  const notes = new File(['one, two'], 'notes.csv', { type: 'text/csv' });
  await keepReceived(form({ title: 'A page', text: ' Look ', url: 'https://a.test/' }, [notes]), caches);
  const received = await takeReceived(caches);
  expect(received).toMatchObject({ text: 'A page\nLook\nhttps://a.test/', leftOut: 0 });
  expect(received?.files.map(({ name, type }) => [name, type])).toEqual([['notes.csv', 'text/csv']]);
  expect(await received?.files[0]?.text()).toBe('one, two');
  expect(await takeReceived(caches)).toBeUndefined();
});

test('what comes twice in title and text is one line', async () => {
  const caches = memoryCaches();
  await keepReceived(form({ title: 'Hello', text: 'Hello' }), caches);
  expect((await takeReceived(caches))?.text).toBe('Hello');
});

test('files that are too many or too large are counted, not lost in silence', async () => {
  const caches = memoryCaches();
  const large = new File([new Uint8Array(50 * 1024 * 1024 + 1)], 'large.txt');
  const small = Array.from({ length: 9 }, (_, index) => new File(['x'], `${index}.txt`));
  await keepReceived(form({}, [large, ...small]), caches);
  const received = await takeReceived(caches);
  expect(received?.files).toHaveLength(8);
  expect(received?.leftOut).toBe(2);
});

test('a photograph or a PDF file of many megabytes is handed over', async () => {
  const caches = memoryCaches();
  const photo = new File([new Uint8Array(12_000_000)], 'photo.jpg', { type: 'image/jpeg' });
  await keepReceived(form({}, [photo]), caches);
  const received = await takeReceived(caches);
  expect(received?.leftOut).toBe(0);
  expect(received?.files.map(({ name, size }) => [name, size])).toEqual([['photo.jpg', 12_000_000]]);
});

test('a text beyond every attachment is counted too, and never cut', async () => {
  const caches = memoryCaches();
  await keepReceived(form({ text: 'x'.repeat(8_000_001) }), caches);
  expect(await takeReceived(caches)).toEqual({ text: '', files: [], leftOut: 1 });
});

test('the latest takes the place of what nobody has taken', async () => {
  const caches = memoryCaches();
  await keepReceived(form({ text: 'first' }, [new File(['x'], 'a.txt')]), caches);
  await keepReceived(form({ text: 'second' }), caches);
  expect(await takeReceived(caches)).toEqual({ text: 'second', files: [], leftOut: 0 });
});

test('a record that is something else is nothing', async () => {
  const caches = memoryCaches();
  await (await caches.open(receivedCache)).put(receivedKey('list'), new Response('[1]'));
  expect(await takeReceived(caches)).toBeUndefined();
});
