import { expect, test } from 'vitest';
import { firstRound, reduceToolLoop, roundsMax, type ToolLoop } from './tool-loop.ts';

const calls = [{ id: 'c', name: 'clock', arguments: '{}' }];
const results = [{ ...calls[0]!, text: 'Monday', outcome: 'done' as const }];

test('asks, runs, and asks again until the answer calls nothing', () => {
  const [running, run] = reduceToolLoop(firstRound, { type: 'answer-ended', calls });
  expect([running, run]).toEqual([
    { phase: 'running', round: 0 },
    { type: 'run-calls', calls },
  ]);
  const [asking, ask] = reduceToolLoop(running, { type: 'results-ready', results });
  expect([asking, ask]).toEqual([
    { phase: 'asking', round: 1 },
    { type: 'ask', results, tools: 'offered' },
  ]);
  expect(reduceToolLoop(asking, { type: 'answer-ended', calls: [] })).toEqual([{ phase: 'over', round: 1 }, undefined]);
});

test('after the last round the model is asked without tools, and its calls are no longer run', () => {
  let state: ToolLoop = firstRound;
  const asked: string[] = [];
  for (let guard = 0; state.phase !== 'over' && guard < 100; guard++) {
    const event =
      state.phase === 'asking' ? { type: 'answer-ended' as const, calls } : { type: 'results-ready' as const, results };
    const [next, effect] = reduceToolLoop(state, event);
    if (effect?.type === 'ask') asked.push(effect.tools);
    state = next;
  }
  expect(asked).toEqual([...Array<string>(roundsMax - 1).fill('offered'), 'withheld']);
  expect(state).toEqual({ phase: 'over', round: roundsMax });
});

test('stops in any phase, and what comes late changes nothing', () => {
  for (const phase of ['asking', 'running'] as const)
    expect(reduceToolLoop({ phase, round: 2 }, { type: 'stopped' })[0]).toEqual({ phase: 'over', round: 2 });
  for (const event of [
    { type: 'answer-ended', calls },
    { type: 'results-ready', results },
  ] as const)
    expect(reduceToolLoop({ phase: 'over', round: 0 }, event)).toEqual([{ phase: 'over', round: 0 }, undefined]);
  expect(reduceToolLoop(firstRound, { type: 'results-ready', results })).toEqual([firstRound, undefined]);
});
