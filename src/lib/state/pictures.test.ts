import { expect, test } from 'vitest';
import type { Attachment } from './attachment.ts';
import { blobsOf, picturesToSend, withPictures } from './pictures.ts';

const picture = (name: string, size = 10): Attachment => ({
  id: name,
  name,
  text: '',
  picture: { mime: 'image/jpeg', bytes: new Uint8Array(size), sha256: name, width: 1, height: 1 },
});
const text: Attachment = { id: 't', name: 't', text: 't' };

test('a question takes its pictures along, and a model that sees none is told that there were some', () => {
  const attachments = [picture('a'), text];
  const path = [{ attachments }];
  const { sent, blobs, leftOut } = picturesToSend(path, 'sees');
  expect([[...blobs.keys()], leftOut]).toEqual([['a'], 0]);
  expect(withPictures('What is it?', attachments, sent)).toEqual([
    { type: 'text', text: 'What is it?' },
    { type: 'blob', mime: 'image/jpeg', sha256: 'a', sizeBytes: 10 },
  ]);
  const blind = picturesToSend(path, 'blind');
  expect([blind.blobs.size, blind.leftOut]).toEqual([0, 1]);
  expect(withPictures('What is it?', attachments, blind.sent)).toBe('[Picture a, not shown]\nWhat is it?');
  expect(withPictures('Hi', [text], sent)).toBe('Hi');
});

test('of many, the newest go, as many as a job takes, and the others are counted', () => {
  const many = Array.from({ length: 20 }, (_, index) => picture(String(index)));
  const path = [{ attachments: many.slice(0, 10) }, {}, { attachments: many.slice(10) }];
  const { sent, leftOut } = picturesToSend(path, 'sees');
  expect([sent.size, leftOut, sent.has(many[19]!), sent.has(many[3]!)]).toEqual([16, 4, true, false]);
  const large = [{ attachments: [picture('a', 5e6), picture('b', 5e6)] }];
  expect([...picturesToSend(large, 'sees').sent].map(({ id }) => id)).toEqual(['b']);
  expect([...blobsOf(path).keys()]).toHaveLength(20);
});
