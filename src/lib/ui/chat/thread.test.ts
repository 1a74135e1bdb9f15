import { expect, test } from 'vitest';
import type { Attempt } from '#lib/state/answer.ts';
import { hueColour, peerColour, peerHue } from '../peer-colour.ts';
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
  const segments = threadSegments([attempt('first', 0, 30), attempt('A', 30, 30), attempt('second', 30, 120)], 120);
  expect(segments.map(({ colour, from, to }) => ({ colour, from, to }))).toEqual([
    { colour: peerColour('first'), from: 0, to: 0.25 },
    { colour: peerColour('second'), from: 0.25, to: 1 },
  ]);
});

test('peers whose colours look alike have different ones beside each other, and one peer keeps its own', () => {
  const hue = peerHue('A');
  const alike = Array.from({ length: 10_000 }, (_, index) => `peer${index}`).filter((peer) => peerHue(peer) === hue);
  const [B, C] = [alike[0]!, alike[1]!];
  const colours = (...peers: readonly string[]) =>
    threadSegments(
      peers.map((peer, index) => attempt(peer, index * 10, index * 10 + 10)),
      peers.length * 10,
    ).map(({ colour }) => colour);
  const turned = hueColour((hue + 120) % 360);
  expect(colours('A', B)).toEqual([peerColour('A'), turned]);
  expect(colours('A', B, B)).toEqual([peerColour('A'), turned, turned]);
  expect(colours('A', B, C)).toEqual([peerColour('A'), turned, peerColour(C)]);
  expect(colours('A', 'A')).toEqual([peerColour('A'), peerColour('A')]);
});

test('an empty answer has no thread', () => {
  expect(threadSegments([attempt('A', 0, 0)], 0)).toEqual([]);
});
