import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import type { AnswerPart, Question } from './ask-http.ts';
import { Dialogue, keptTurn, type DialogueParts } from './dialogue.ts';
import type { Rung } from './ladder.ts';
import { toolLimits } from './tools.ts';

type Answers = Partial<Record<Rung, (question: Question, signal: AbortSignal) => AsyncIterable<AnswerPart>>>;

async function* says(...words: readonly string[]): AsyncGenerator<AnswerPart> {
  for (const text of words) yield { type: 'text', text };
  yield { type: 'finished', reason: 'stop', calls: [] };
}

async function* fails(code: string, ...words: readonly string[]): AsyncGenerator<AnswerPart> {
  for (const text of words) yield { type: 'text', text };
  throw new TabloomError(code, 'No.', { details: { retryAfterSeconds: 7 } });
}

function talk(answers: Answers, more: Partial<DialogueParts> = {}) {
  const asked: (readonly [Rung, Question])[] = [];
  const dialogue = new Dialogue({
    rungs: () => ['network', 'endpoint'],
    ask: (rung, question, signal) => {
      asked.push([rung, question]);
      return answers[rung]!(question, signal);
    },
    model: () => 'auto',
    maxTokens: () => 100,
    tools: () => [],
    instructions: () => undefined,
    answerCall: async () => 'done',
    onChange: () => undefined,
    ...more,
  });
  return { dialogue, asked };
}

test('a question is answered, and goes along with the next one', async () => {
  const { dialogue, asked } = talk({ network: () => says('Hel', 'lo') }, { instructions: () => 'Be brief.' });
  const turn = await dialogue.ask(' Hi ');
  expect(turn).toMatchObject({ question: 'Hi', ladder: { phase: 'finished', text: 'Hello' } });
  await dialogue.ask('And now?');
  expect(asked[1]![1].messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
    { role: 'user', content: 'And now?' },
  ]);
});

test('a rung that fails in the middle is left for the next, whose answer is whole', async () => {
  const { dialogue, asked } = talk({ network: () => fails('cut-off', 'Half'), endpoint: () => says('Whole') });
  const turn = await dialogue.ask('Hi');
  expect(asked.map(([rung]) => rung)).toEqual(['network', 'endpoint']);
  expect(turn!.ladder).toMatchObject({
    phase: 'finished',
    text: 'Whole',
    answerer: { rung: 'endpoint' },
    failures: [{ rung: 'network', code: 'cut-off', retryAfterSeconds: 7 }],
  });
});

test('a stream that ends without an end is a failure', async () => {
  const { dialogue } = talk({ network: async function* () {}, endpoint: () => fails('network-error') });
  const turn = await dialogue.ask('Hi');
  expect(turn!.ladder.failures.map(({ code }) => code)).toEqual(['cut-off', 'network-error']);
});

test('a stop aborts what runs, and asks nobody else', async () => {
  const { dialogue, asked } = talk({
    network: async function* (_, signal) {
      yield { type: 'text', text: 'One' };
      const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      dialogue.stop();
      await aborted;
    },
  });
  const turn = await dialogue.ask('Hi');
  expect(turn!.ladder).toMatchObject({ phase: 'stopped', text: 'One' });
  expect(asked).toHaveLength(1);
  expect(dialogue.busy).toBe(false);
});

test('one question at a time, and none without a word', async () => {
  const { dialogue, asked } = talk({ network: () => says('a') });
  expect(await dialogue.ask('  ')).toBeUndefined();
  await Promise.all([dialogue.ask('first'), dialogue.ask('second')]);
  expect(asked).toHaveLength(1);
});

test('asked again, the last question stands alone', async () => {
  const { dialogue, asked } = talk({ network: () => fails('x'), endpoint: () => fails('x') });
  await dialogue.ask('Hi');
  await dialogue.again();
  expect(dialogue.turns).toHaveLength(1);
  expect(asked.at(-1)![1].messages).toEqual([{ role: 'user', content: 'Hi' }]);
});

test('the site answers calls, and the model goes on', async () => {
  const call = { id: 'c1', name: 'price', arguments: '{}' };
  let round = 0;
  const { dialogue, asked } = talk(
    {
      network: async function* () {
        if (round++ > 0) return yield* says('12 euros');
        yield { type: 'finished', reason: 'tool-calls', calls: [call] };
      },
    },
    { answerCall: async ({ name }) => `${name}: 12`, tools: () => [{ type: 'function' }] },
  );
  const turn = await dialogue.ask('How much?');
  expect(turn!.ladder.text).toBe('12 euros');
  expect(asked[1]![1].messages.slice(1)).toEqual([
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'price', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'price: 12' },
  ]);
});

test('a stop while the site answers a call asks nobody further, and no second question comes between', async () => {
  const { dialogue, asked } = talk(
    {
      network: async function* () {
        yield { type: 'finished', reason: 'tool-calls', calls: [{ id: 'c', name: 'price', arguments: '{}' }] };
      },
    },
    {
      answerCall: async () => {
        expect(await dialogue.ask('Between?')).toBeUndefined();
        dialogue.stop();
        return 'late';
      },
    },
  );
  await dialogue.ask('How much?');
  expect(asked).toHaveLength(1);
  expect(dialogue.busy).toBe(false);
});

test('a model that only ever calls is given no tools in the end', async () => {
  const { dialogue, asked } = talk(
    {
      network: async function* () {
        yield { type: 'finished', reason: 'tool-calls', calls: [{ id: 'c', name: 'price', arguments: '{}' }] };
      },
    },
    { tools: () => [{ type: 'function' }] },
  );
  await dialogue.ask('How much?');
  expect(asked).toHaveLength(toolLimits.rounds + 1);
  expect(asked.at(-1)![1].tools).toEqual([]);
});

test('of a long conversation the latest goes along', async () => {
  const { dialogue, asked } = talk({ network: () => says('ok') });
  dialogue.turns = Array.from({ length: 30 }, (_, index) => keptTurn(`q${index}`, 'x'.repeat(5_000)));
  await dialogue.ask('last');
  expect(asked[0]![1].messages.map(({ content }) => content!.slice(0, 3))).toEqual(['q28', 'xxx', 'q29', 'xxx', 'las']);
});
