import { expect, test } from 'vitest';
import { dictatedLanguage, notDictating, reduceDictation, withDictated, type DictationEvent } from './dictation.ts';

function play(...events: readonly DictationEvent[]) {
  let state = notDictating;
  const done: unknown[] = [];
  for (const event of events) {
    const [next, ...effects] = reduceDictation(state, event);
    state = next;
    done.push(...effects.map((effect) => (effect.type === 'write' ? effect.text : effect.type)));
  }
  return { state, done };
}

const pressed = { type: 'pressed', consent: 'given' } as const;
const heard = (final: string, interim = ''): DictationEvent => ({ type: 'heard', final, interim });

test('nothing is listened to before the user has agreed, who is asked once', () => {
  const first = { type: 'pressed', consent: 'none' } as const;
  expect(play(first)).toEqual({ state: { phase: 'asking' }, done: [] });
  expect(play(first, { type: 'declined' })).toEqual({ state: notDictating, done: [] });
  expect(play(first, first)).toEqual({ state: notDictating, done: [] });
  expect(play(first, { type: 'agreed' }).done).toEqual(['keep-consent', 'start']);
  expect(play(pressed)).toEqual({ state: { phase: 'listening', heard: '' }, done: ['start'] });
});

test('what is certain is written, and what may change is only shown', () => {
  const { state, done } = play(pressed, heard('', 'hello wor'), heard('hello world', ''), heard('', 'and'));
  expect([state, done]).toEqual([{ phase: 'listening', heard: 'and' }, ['start', 'hello world']]);
});

test('stopping always stops, and keeps what was heard', () => {
  expect(play(pressed, heard('', 'half a'), pressed)).toEqual({
    state: notDictating,
    done: ['start', 'stop', 'half a'],
  });
  expect(play(pressed, heard('', 'half a'), { type: 'ended' }).done).toEqual(['start', 'half a']);
});

test('what is heard after that, or after the question was sent, is written nowhere', () => {
  expect(play(pressed, pressed, heard('late'), { type: 'ended' })).toEqual({
    state: notDictating,
    done: ['start', 'stop'],
  });
  expect(play(pressed, heard('', 'of the old one'), { type: 'left' }, heard('late')).done).toEqual(['start', 'stop']);
  expect(play({ type: 'left' }, { type: 'agreed' })).toEqual({ state: notDictating, done: [] });
});

test('a failure is said, ends it, and the next press begins anew', () => {
  const failed = { type: 'failed', why: 'no-microphone' } as const;
  expect(play(pressed, failed, { type: 'ended' })).toEqual({
    state: { phase: 'failed', why: 'no-microphone' },
    done: ['start', 'stop'],
  });
  expect(play(pressed, failed, pressed).state).toEqual({ phase: 'listening', heard: '' });
  expect(play(failed)).toEqual({ state: notDictating, done: [] });
});

test('what may still change is of limited length', () => {
  const { state } = play(pressed, heard('', 'x'.repeat(5_000)));
  expect(state.phase === 'listening' && state.heard.length).toBe(2_000);
});

test('words are put at the end of a draft, with one space between', () => {
  expect(withDictated('', ' hello ')).toBe('hello');
  expect(withDictated('Say', 'hello')).toBe('Say hello');
  expect(withDictated('Say\n', ' hello')).toBe('Say\nhello');
});

test('the language of the page is heard with the region that the user has chosen', () => {
  expect(dictatedLanguage('zh-Hans', ['en-US', 'zh-CN', 'zh-TW'])).toBe('zh-CN');
  expect(dictatedLanguage('de', ['en-US'])).toBe('de');
});
