import { expect, test } from 'vitest';
import { answerWithTools } from './answer-with-tools.ts';
import { roundsMax } from './tool-loop.ts';
import type { ToolResult } from './toolbox.ts';

const call = { id: '1', name: 'clock', arguments: '{}' };
const result: ToolResult = { ...call, text: 'noon', outcome: 'done' };
const turn = (calls: readonly (typeof call)[]) => ({ answer: { phase: 'finished', output: { toolCalls: calls } } });

function desk(calls: readonly (typeof call)[]) {
  const asked: unknown[] = [];
  const abort = new AbortController();
  const parts = {
    tools: [{ name: 'clock' }],
    ask: async (_: unknown, tools: { readonly as: string } | undefined) => void asked.push(tools?.as),
    run: async () => [result],
    follow: () => turn(calls),
    signal: abort.signal,
  };
  return { asked, abort, parts };
}

test('an answer without calls is the end, and so is every answer where no tools are on', async () => {
  const { asked, parts } = desk([]);
  await answerWithTools(turn([]), parts);
  expect(asked).toEqual(['offered']);
  await answerWithTools(turn([call]), { ...parts, tools: [] });
  expect(asked).toEqual(['offered', undefined]);
});

test('a model that calls for ever is asked without tools in the end', async () => {
  const { asked, parts } = desk([call]);
  await answerWithTools(turn([call]), parts);
  expect(asked).toEqual([...Array<string>(roundsMax).fill('offered'), 'withheld']);
});

test('where there is no room for results, and after stopping, nothing more is asked', async () => {
  const { asked, abort, parts } = desk([call]);
  await answerWithTools(turn([call]), { ...parts, follow: () => undefined });
  expect(asked).toEqual(['offered']);
  const run = async () => (abort.abort(), [result]);
  await expect(answerWithTools(turn([call]), { ...parts, run })).rejects.toMatchObject({ code: 'aborted' });
  expect(asked).toEqual(['offered', 'offered']);
});
