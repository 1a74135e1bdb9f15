import { expect, test } from 'vitest';
import { ConversationDraft } from './conversation-draft.svelte.ts';

function drafts(kept: Record<string, string> = {}) {
  const at = (address: string) => ({
    read: () => kept[address] ?? '',
    write: (text: string) => void (text === '' ? delete kept[address] : (kept[address] = text)),
  });
  return { draft: new ConversationDraft(at), kept };
}

test('each conversation has its own draft, and what was typed first stays', () => {
  const { draft, kept } = drafts({ '/c/a': 'of a', '/': 'of none' });
  draft.text = 'typed early';
  draft.save('saved');
  expect(kept).toEqual({ '/c/a': 'of a', '/': 'of none' });
  draft.show('new', '/', 'saved');
  expect(draft.text).toBe('typed early');
  draft.save('saved');
  draft.show('a', '/c/a', 'saved');
  expect(draft.text).toBe('of a');
  draft.text = '';
  draft.save('saved');
  expect(kept).toEqual({ '/': 'typed early' });
});

test('a draft goes along when its conversation gets an address', () => {
  const { draft, kept } = drafts();
  draft.show('new', '/', 'saved');
  draft.text = 'the next question';
  draft.save('saved');
  draft.show('new', '/c/new', 'saved');
  draft.save('saved');
  expect([draft.text, kept]).toEqual(['the next question', { '/c/new': 'the next question' }]);
});

test('in private mode no draft is shown or kept', () => {
  const { draft, kept } = drafts({ '/': 'of before' });
  draft.show('private', '/', 'private');
  expect(draft.text).toBe('');
  draft.text = 'secret';
  draft.save('private');
  expect(kept).toEqual({});
});
