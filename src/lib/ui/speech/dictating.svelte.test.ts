import { expect, test } from 'vitest';
import { Dictating, type RecognitionEvent, type Recogniser } from './dictating.svelte.ts';

/** A stub of the documented `SpeechRecognition`: no browser listens here. */
class StubRecogniser implements Recogniser {
  lang = '';
  continuous = false;
  interimResults = false;
  onresult: Recogniser['onresult'] = null;
  onerror: Recogniser['onerror'] = null;
  onend: Recogniser['onend'] = null;
  readonly calls: string[] = [];
  start() {
    this.calls.push('start');
  }
  abort() {
    this.calls.push('abort');
  }
  say(...results: readonly (readonly [string, 'final' | 'interim'])[]) {
    const event: RecognitionEvent = {
      resultIndex: 0,
      results: results.map(([transcript, state]) => ({ isFinal: state === 'final', 0: { transcript } })),
    };
    this.onresult?.(event);
  }
}

function desk() {
  const made: StubRecogniser[] = [];
  const written: string[] = [];
  const dictating = new Dictating({
    create: () => {
      const stub = new StubRecogniser();
      made.push(stub);
      return stub;
    },
    language: () => 'de',
    write: (text) => written.push(text),
    keepConsent: () => written.push('[agreed]'),
  });
  return { made, written, dictating };
}

const pressed = { type: 'pressed', consent: 'given' } as const;

test('words are written as they become certain, in the language of the page', () => {
  const { made, written, dictating } = desk();
  dictating.apply(pressed);
  const [recogniser] = made;
  expect(recogniser).toMatchObject({ lang: 'de', continuous: true, interimResults: true, calls: ['start'] });
  recogniser!.say(['hello', 'final'], [' wor', 'interim']);
  expect([written, dictating.state]).toEqual([['hello'], { phase: 'listening', heard: ' wor' }]);
  recogniser!.onend?.();
  expect([written, dictating.state.phase]).toEqual([['hello', ' wor'], 'off']);
});

test('no recogniser is made before the user has agreed', () => {
  const { made, written, dictating } = desk();
  dictating.apply({ type: 'pressed', consent: 'none' });
  expect(made).toEqual([]);
  dictating.apply({ type: 'agreed' });
  expect([made.length, written]).toEqual([1, ['[agreed]']]);
});

test('one that was stopped is not heard any more, even if it says something', () => {
  const { made, written, dictating } = desk();
  dictating.apply(pressed);
  const late = made[0]!.onresult!;
  dictating.apply(pressed);
  dictating.apply(pressed);
  expect(made[0]!.calls).toEqual(['start', 'abort']);
  expect([made[0]!.onresult, made[0]!.onend]).toEqual([null, null]);
  expect(dictating.state.phase).toBe('listening');
  made[0]!.say(['late', 'final']);
  expect([written, typeof late]).toEqual([[], 'function']);
});

test('errors of the browser become reasons, and a recogniser that throws is one', () => {
  const { made, dictating } = desk();
  const reasons = ['not-allowed', 'audio-capture', 'network', 'no-speech', 'language-not-supported', 'new'].map(
    (error) => {
      dictating.apply(pressed);
      made.at(-1)!.onerror?.({ error });
      return dictating.state.phase === 'failed' && dictating.state.why;
    },
  );
  expect(reasons).toEqual(['not-allowed', 'no-microphone', 'no-service', 'no-speech', 'no-language', 'unknown']);
  const broken = new Dictating({
    create: () => {
      throw new Error('no');
    },
    language: () => 'en',
    write: () => undefined,
    keepConsent: () => undefined,
  });
  broken.apply(pressed);
  expect(broken.state).toEqual({ phase: 'failed', why: 'unknown' });
});
