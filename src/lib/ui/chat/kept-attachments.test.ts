import { expect, test } from 'vitest';
import type { Attachment } from '#lib/state/attachment.ts';
import type { UnsentPort } from '#lib/state/tab.ts';
import { KeptAttachments } from './kept-attachments.ts';

const file = (id: string): Attachment => ({ id, name: id, text: id });
const address = '/c/aa';

function fixture(stored: Readonly<Record<string, readonly Attachment[]>> = {}) {
  const kept = new Map(Object.entries(stored));
  const port: UnsentPort = {
    read: async (key) => kept.get(key) ?? [],
    write: async (key, attachments) => void kept.set(key, attachments),
  };
  return {
    kept,
    attachments: new KeptAttachments(
      async () => port,
      () => 'tab-1',
    ),
  };
}

const conversation = (...pending: readonly Attachment[]): { pending: readonly Attachment[] } => ({ pending });

test('what is attached is there again after a reload, each with its conversation', async () => {
  const { kept, attachments } = fixture();
  const first = conversation();
  await attachments.show(first, '/', 'saved');
  first.pending = [file('a')];
  attachments.save('saved');
  await attachments.settled();
  expect(kept.get('tab-1')).toEqual([file('a')]);
  const other = conversation();
  await attachments.show(other, address, 'saved');
  expect(other.pending).toEqual([]);

  const reloaded = fixture(Object.fromEntries(kept));
  const again = conversation(file('b'));
  await reloaded.attachments.show(again, '/', 'saved');
  expect(again.pending).toEqual([file('a'), file('b')]);
  await reloaded.attachments.settled();
  expect(reloaded.kept.get('tab-1')).toEqual([file('a'), file('b')]);
});

test('what was sent or removed is kept no longer', async () => {
  const { kept, attachments } = fixture({ 'tab-1': [file('a')], aa: [file('c')] });
  const sent = conversation();
  await attachments.show(sent, '/', 'saved');
  sent.pending = [];
  attachments.save('saved');
  await attachments.show(sent, '/c/bb', 'saved');
  await attachments.settled();
  expect(kept.get('tab-1')).toEqual([]);
  const removed = conversation();
  await attachments.show(removed, address, 'saved');
  expect(removed.pending).toEqual([file('c')]);
  removed.pending = [];
  attachments.save('saved');
  await attachments.settled();
  expect(kept.get('aa')).toEqual([]);
});

test('in private mode nothing is read and nothing is kept', async () => {
  const { kept, attachments } = fixture({ 'tab-1': [file('a')] });
  const secret = conversation();
  await attachments.show(secret, '/', 'private');
  expect(secret.pending).toEqual([]);
  secret.pending = [file('b')];
  attachments.save('private');
  await attachments.settled();
  expect(kept.get('tab-1')).toEqual([file('a')]);
});

test('nothing is saved over what has not been read, and a full disk keeps nobody from asking', async () => {
  const reading = Promise.withResolvers<readonly Attachment[]>();
  const writes: unknown[] = [];
  const port: UnsentPort = {
    read: () => reading.promise,
    write: async (_, list) => {
      writes.push(list);
      throw new Error('full');
    },
  };
  const attachments = new KeptAttachments(
    async () => port,
    () => 'tab-1',
  );
  const early = conversation(file('b'));
  const shown = attachments.show(early, '/', 'saved');
  attachments.save('saved');
  await attachments.settled();
  expect(writes).toEqual([]);
  reading.resolve([file('a')]);
  await shown;
  await attachments.settled();
  expect(writes).toEqual([[file('a'), file('b')]]);
});
