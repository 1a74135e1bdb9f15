import { expect, test } from 'vitest';
import { toIceServers } from './settings.ts';

test('STUN and TURN, and nothing that is neither', () => {
  expect(
    toIceServers([
      'stun:stun.example.org:3478',
      'turn:me:secret@turn.example.org',
      'turn:turn.example.org',
      'http://x',
    ]),
  ).toEqual([
    { urls: 'stun:stun.example.org:3478' },
    { urls: 'turn:turn.example.org', username: 'me', credential: 'secret' },
  ]);
});
