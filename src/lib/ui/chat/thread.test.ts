import { expect, test } from 'vitest';
import type { Attempt } from '#lib/state/answer.ts';
import { peerColour } from '../peer-colour.ts';
import { threadSegments } from './thread.ts';

const attempt = (peer: string, fromCharacter: number, toCharacter: number): Attempt => ({
  worker: {
    peer,
    self: false,
    role: 'tab',
    engine: { name: 'scripted', build: '1', deviceClass: 'test' },
    model: 'demo',
    artefact: 'a'.repeat(64),
    tier: 'open',
  },
  fromCharacter,
  toCharacter,
  fromToken: 0,
  toToken: 0,
  chosenAt: 0,
  outcome: 'finished',
});

test('the colour changes at the character where another peer continued', () => {
  const segments = threadSegments([attempt('A', 0, 30), attempt('B', 30, 30), attempt('C', 30, 120)], 120);
  expect(segments.map(({ colour, from, to }) => ({ colour, from, to }))).toEqual([
    { colour: peerColour('A'), from: 0, to: 0.25 },
    { colour: peerColour('C'), from: 0.25, to: 1 },
  ]);
});

test('an empty answer has no thread', () => {
  expect(threadSegments([attempt('A', 0, 0)], 0)).toEqual([]);
});
