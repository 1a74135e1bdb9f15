import { describe, expect, test } from 'vitest';
import { answerLengthMax, idle, reduceLadder, type LadderEvent, type LadderState } from './ladder.ts';

const rungs = ['device', 'network', 'endpoint'] as const;

function play(...events: readonly LadderEvent[]) {
  let state: LadderState = idle;
  const effects: string[] = [];
  for (const event of events) {
    const [next, asked] = reduceLadder(state, event);
    state = next;
    effects.push(...asked.map((effect) => (effect.type === 'ask' ? `ask ${effect.rung}` : effect.type)));
  }
  return { state, effects };
}

const asked: LadderEvent = { type: 'question-asked', rungs };
const text = (rung: 'device' | 'network' | 'endpoint', text: string): LadderEvent => ({
  type: 'text-delta',
  rung,
  text,
});
const failed = (rung: 'device' | 'network' | 'endpoint', code = 'network-error'): LadderEvent => ({
  type: 'rung-failed',
  rung,
  code,
});
const finished = (rung: 'device' | 'network' | 'endpoint'): LadderEvent => ({
  type: 'rung-finished',
  rung,
  reason: 'stop',
  calls: [],
});

describe('the ladder', () => {
  test('the first rung that answers is the last that is asked', () => {
    const { state, effects } = play(asked, text('device', 'He'), text('device', 'llo'), finished('device'));
    expect(effects).toEqual(['ask device']);
    expect(state).toMatchObject({ phase: 'finished', text: 'Hello', answerer: { rung: 'device' }, failures: [] });
  });

  test('goes down a rung at each failure, and says which failed', () => {
    const { state, effects } = play(
      asked,
      failed('device'),
      failed('network', 'gateway-busy'),
      text('endpoint', 'Yes'),
    );
    expect(effects).toEqual(['ask device', 'abort', 'ask network', 'abort', 'ask endpoint']);
    expect(state).toMatchObject({ phase: 'answering', text: 'Yes', answerer: { rung: 'endpoint' } });
    expect(state.failures.map(({ rung, code }) => `${rung} ${code}`)).toEqual([
      'device network-error',
      'network gateway-busy',
    ]);
  });

  test('keeps a broken answer on screen until the next rung has its first word', () => {
    const broken = play(asked, text('device', 'Half of'), failed('device'));
    expect(broken.state).toMatchObject({ phase: 'asking', text: 'Half of', answerer: undefined });
    const whole = play(asked, text('device', 'Half of'), failed('device'), text('network', 'Whole'));
    expect(whole.state.text).toBe('Whole');
  });

  test('what the last rung had written stays when nobody is left', () => {
    const { state, effects } = play(
      { type: 'question-asked', rungs: ['network'] },
      text('network', 'Half'),
      failed('network'),
    );
    expect(state).toMatchObject({ phase: 'failed', text: 'Half' });
    expect(effects).toEqual(['ask network', 'abort']);
  });

  test('an answer without a word is a failure of its rung', () => {
    const { state, effects } = play(asked, finished('device'));
    expect(effects.at(-1)).toBe('ask network');
    expect(state.failures).toEqual([{ rung: 'device', code: 'empty' }]);
  });

  test('a call of a tool needs no words', () => {
    const calls = [{ id: '1', name: 'price', arguments: '{}' }];
    const { state } = play(asked, { type: 'rung-finished', rung: 'device', reason: 'tool-calls', calls });
    expect(state).toMatchObject({ phase: 'finished', calls });
  });

  test('nobody further is asked what everybody would refuse', () => {
    const { state, effects } = play(asked, failed('device', 'context-length-exceeded'));
    expect(state.phase).toBe('failed');
    expect(effects).not.toContain('ask network');
  });

  test('a stop ends it for good: neither words nor failures count after it', () => {
    const { state, effects } = play(
      asked,
      text('device', 'a'),
      { type: 'stopped' },
      text('device', 'b'),
      failed('device'),
    );
    expect(state).toMatchObject({ phase: 'stopped', text: 'a' });
    expect(effects).toEqual(['ask device', 'abort']);
  });

  test('a rung that was left is not heard any more', () => {
    const { state } = play(asked, failed('device'), text('device', 'late'), finished('device'));
    expect(state).toMatchObject({ phase: 'asking', text: '', at: 1 });
  });

  test('an endless answer is cut, and its rung left', () => {
    const { state } = play(asked, text('device', 'x'.repeat(answerLengthMax)), text('device', 'y'));
    expect(state.failures).toEqual([{ rung: 'device', code: 'answer-too-long' }]);
  });

  test('one question at a time', () => {
    expect(play(asked, asked).effects).toEqual(['ask device']);
  });

  test('without any rung it fails at once', () => {
    expect(play({ type: 'question-asked', rungs: [] }).state.phase).toBe('failed');
  });
});
