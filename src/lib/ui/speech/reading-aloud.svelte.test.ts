import { expect, test } from 'vitest';
import type { Voice } from '#lib/state/speech/spoken.ts';
import { ReadingAloud, type Speech } from './reading-aloud.svelte.ts';

type Said = { readonly text: string; readonly voice: Voice; readonly ended: (error?: string) => void };

/** A stub of the documented `SpeechSynthesis`, shared by all readers of a page: nothing is heard here. */
class StubSpeech implements Speech<Voice> {
  available: Voice[] = [{ lang: 'en-US', localService: true }];
  readonly said: string[] = [];
  now: Said | undefined;
  /** Like a browser, it says later that something was interrupted. */
  readonly #interrupted: Said[] = [];
  voices() {
    return this.available;
  }
  speak(text: string, voice: Voice, ended: Said['ended']) {
    this.now = { text, voice, ended };
    this.said.push(text);
  }
  cancel() {
    if (this.now) this.#interrupted.push(this.now);
    this.now = undefined;
  }
  settle() {
    for (const { ended } of this.#interrupted.splice(0)) ended('interrupted');
  }
}

function desk() {
  const speech = new StubSpeech();
  const agreed: string[] = [];
  const reader = () => new ReadingAloud({ speech, keepConsent: () => agreed.push('agreed') });
  return { speech, agreed, reader };
}

const how = { page: 'en', codeWord: 'Code.', consent: 'none' } as const;

test('an answer is read piece by piece by a voice of its language', () => {
  const { speech, reader } = desk();
  const reading = reader();
  reading.press('One.\n\nTwo.', how);
  expect(speech.now).toMatchObject({ text: 'One.', voice: speech.available[0] });
  speech.now?.ended();
  expect(speech.said).toEqual(['One.', 'Two.']);
  speech.now?.ended();
  expect(reading.state).toEqual({ phase: 'off' });
});

test('stopping always stops, and an end that comes late reads nothing further', () => {
  const { speech, reader } = desk();
  const reading = reader();
  reading.press('One.\n\nTwo.', how);
  const { now } = speech;
  reading.press('One.\n\nTwo.', how);
  expect([reading.state, speech.now]).toEqual([{ phase: 'off' }, undefined]);
  now?.ended();
  expect(speech.said).toEqual(['One.']);
});

test('of two answers the one that was pressed last is read, and the other is off', () => {
  const { speech, reader } = desk();
  const [first, second] = [reader(), reader()];
  first.press('First.\n\nMore.', how);
  second.press('Second.', how);
  speech.settle();
  expect([first.state.phase, second.state.phase]).toEqual(['off', 'reading']);
  expect([speech.said, speech.now?.text]).toEqual([['First.', 'Second.'], 'Second.']);
});

test('nothing goes to a voice of the browser’s maker before the user has agreed', () => {
  const { speech, agreed, reader } = desk();
  speech.available = [{ lang: 'en-US', localService: false }];
  const reading = reader();
  reading.press('One.', how);
  expect([reading.state.phase, speech.said]).toEqual(['asking', []]);
  reading.apply({ type: 'agreed' });
  expect([agreed, speech.said]).toEqual([['agreed'], ['One.']]);
});

test('where there is no voice for the language, nothing is read in another', () => {
  const { speech, reader } = desk();
  const reading = reader();
  reading.press('مرحبا بالعالم', how);
  expect([reading.state, speech.said]).toEqual([{ phase: 'failed', why: 'no-voice' }, []]);
});

test('an error of the browser is said', () => {
  const { speech, reader } = desk();
  const reading = reader();
  reading.press('One.', how);
  speech.now?.ended('synthesis-failed');
  expect(reading.state).toEqual({ phase: 'failed', why: 'unknown' });
});
