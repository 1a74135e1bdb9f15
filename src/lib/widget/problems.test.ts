import { describe, expect, test } from 'vitest';
import { idle, type LadderState } from './ladder.ts';
import { describeProblem } from './problems.ts';
import { describeLadder } from './turn-view.ts';

const network = (code: string, retryAfterSeconds?: number) => ({ rung: 'network' as const, code, retryAfterSeconds });

describe('what a visitor is told', () => {
  test.each([
    ['origin-not-allowed', /may not use the chat.*owner/, false],
    ['invalid-api-key', /key.*not valid.*owner/, false],
    ['insufficient-quota', /used up its budget/, false],
    ['insufficient-credits', /out of credit/, false],
    ['model-not-allowed', /Nobody serves the model/, false],
    ['questions-used-up', /Come back tomorrow/, false],
    ['context-length-exceeded', /too long/, false],
    ['gateway-busy', /busy/, true],
    ['no-peer-available', /Nobody can answer/, true],
    ['network-error', /Check your connection/, true],
    ['cut-off', /broke off/, true],
    ['something-new', /something-new/, true],
  ])('%s', (code, text, again) => {
    const problem = describeProblem([network(code)]);
    expect(problem.text).toMatch(text);
    expect(problem.again).toBe(again);
  });

  test('when to come back, in the largest unit that fits', () => {
    expect(describeProblem([network('rate-limit-exceeded', 20)]).text).toContain('20 seconds');
    expect(describeProblem([network('insufficient-quota', 600)]).text).toContain('10 minutes');
    expect(describeProblem([network('insufficient-quota', 4 * 3_600)]).text).toContain('4 hours');
  });

  test('of several failures the one that somebody can mend', () => {
    const gone = { rung: 'endpoint' as const, code: 'network-error' };
    expect(describeProblem([network('insufficient-quota'), gone]).text).toMatch(/budget/);
    expect(describeProblem([network('network-error'), gone]).text).toMatch(/connection/);
  });

  test('of a device that answers alone, how to go on', () => {
    const failed = { rung: 'device' as const, code: 'device-lost' };
    expect(describeProblem([failed]).text).toMatch(/let the network answer/);
    expect(describeProblem([failed, network('gateway-busy')]).text).toMatch(/busy/);
  });

  test('where nothing is set up, that', () => expect(describeProblem([]).text).toMatch(/not set up/));
});

describe('who answers', () => {
  const state = (more: Partial<LadderState>): LadderState => ({
    ...idle,
    rungs: ['network', 'endpoint'],
    text: 'x',
    ...more,
  });
  test.each([
    [{ phase: 'asking' } as const, 'Asking the network …'],
    [{ phase: 'asking', at: 1, failures: [network('x')] } as const, 'That did not work. Asking this site …'],
    [
      { answerer: { rung: 'network', role: 'peer', model: 'demo' } } as const,
      'Answered by another visitor’s browser · demo',
    ],
    [{ answerer: { rung: 'network', role: 'native' } } as const, 'Answered by the network'],
    [{ answerer: { rung: 'device' } } as const, 'Answered on this device'],
    [{ answerer: { rung: 'endpoint' } } as const, 'Answered by this site'],
    [{ answerer: { rung: 'endpoint' }, text: '' } as const, undefined],
  ])('%j', (more, words) => expect(describeLadder(state(more))).toBe(words));
});
