import { expect, test } from 'vitest';
import { notReading, reduceReading, type ReadingEvent } from './reading.ts';

function play(...events: readonly ReadingEvent[]) {
  let state = notReading;
  const done: unknown[] = [];
  for (const event of events) {
    const [next, ...effects] = reduceReading(state, event);
    state = next;
    done.push(...effects.map((effect) => (effect.type === 'speak' ? effect.piece : effect.type)));
  }
  return { state, done };
}

const pressed = { type: 'pressed', pieces: 2, voice: 'local', consent: 'none' } as const;
const remote = { ...pressed, voice: 'remote' } as const;
const next = { type: 'piece-ended' } as const;

test('a voice of this device reads piece after piece, and asks for nothing', () => {
  expect(play(pressed, next)).toEqual({ state: { phase: 'reading', piece: 1, pieces: 2 }, done: ['cancel', 0, 1] });
  expect(play(pressed, next, next).state).toEqual(notReading);
});

test('the text goes to no other voice before the user has agreed', () => {
  expect(play(remote)).toEqual({ state: { phase: 'asking', pieces: 2 }, done: [] });
  expect(play(remote, { type: 'declined' })).toEqual({ state: notReading, done: [] });
  expect(play(remote, { type: 'agreed' }).done).toEqual(['keep-consent', 'cancel', 0]);
  expect(play({ ...remote, consent: 'given' }).done).toEqual(['cancel', 0]);
});

test('stopping always stops, and nothing of it is read later', () => {
  expect(play(pressed, pressed, next)).toEqual({ state: notReading, done: ['cancel', 0, 'cancel'] });
  expect(play(pressed, { type: 'left' }, next)).toEqual({ state: notReading, done: ['cancel', 0, 'cancel'] });
  expect(play({ type: 'left' }, { type: 'agreed' })).toEqual({ state: notReading, done: [] });
});

test('what is interrupted by something else leaves that alone', () => {
  expect(play(pressed, { type: 'interrupted' }, next)).toEqual({ state: notReading, done: ['cancel', 0] });
  expect(play({ ...pressed, voice: 'none' }, { type: 'interrupted' }).state.phase).toBe('failed');
});

test('without a voice, without text, and after a failure it says so or does nothing', () => {
  expect(play({ ...pressed, voice: 'none' }).state).toEqual({ phase: 'failed', why: 'no-voice' });
  expect(play({ ...pressed, pieces: 0 })).toEqual({ state: notReading, done: [] });
  expect(play(pressed, { type: 'failed' })).toEqual({
    state: { phase: 'failed', why: 'unknown' },
    done: ['cancel', 0, 'cancel'],
  });
  expect(play(pressed, { type: 'failed' }, pressed).state).toMatchObject({ phase: 'reading', piece: 0 });
});
