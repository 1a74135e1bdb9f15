import { expect, test } from 'vitest';
import { messageText } from './kinds/chat.ts';

test('the text of a message is its text parts joined; blobs add nothing', () => {
  expect(messageText({ role: 'user', content: 'Hi' })).toBe('Hi');
  expect(
    messageText({
      role: 'user',
      content: [
        { type: 'text', text: 'What is ' },
        { type: 'blob', mime: 'image/png', sha256: '0'.repeat(64), sizeBytes: 1 },
        { type: 'text', text: 'this?' },
      ],
    }),
  ).toBe('What is this?');
  expect(messageText({ role: 'user', content: [] })).toBe('');
});
