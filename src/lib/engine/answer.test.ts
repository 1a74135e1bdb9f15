import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import { answer, type Resumed } from './answer.ts';
import type { EngineEvent } from './spec.ts';

async function goOn(resumed: Resumed, rest: readonly string[], stop: readonly string[] = []): Promise<string> {
  async function* pieces() {
    for (const text of rest) yield { text, tokens: 1 };
  }
  const events: EngineEvent[] = [];
  const run = { pieces: pieces(), tokensIn: () => 1, reason: () => 'length' as const };
  for await (const event of answer(run, { stop, resumed, clock: manualClock(), startedMs: 0 })) events.push(event);
  const { text } = events.reduce((all, event) => (event.type === 'finish' ? all : foldOutput(all, event)), emptyOutput);
  const end = events.at(-1);
  return `${text}|${end?.type === 'finish' ? `${end.reason} ${end.usage.tokensOut}` : ''}`;
}

test('the rest of a partially delivered token comes first, without being counted again', async () => {
  expect(await goOn({ decoded: 'Hello', delivered: 'Hel' }, [' you'])).toBe('lo you|length 1');
});

test('delivered text that would be held back here is not repeated', async () => {
  expect(await goOn({ decoded: 'Hello', delivered: 'Hello' }, [' you'], ['lo!'])).toBe(' you|length 1');
});

test('a stop sequence is found across the resume point and before it', async () => {
  expect(await goOn({ decoded: 'Hello', delivered: 'Hel' }, ['! you'], ['lo!'])).toBe('|stop 0');
  expect(await goOn({ decoded: 'Hello!', delivered: 'Hel' }, ['never'], ['lo!'])).toBe('|stop 0');
});

test('mismatching tokens and text are refused', async () => {
  await expect(goOn({ decoded: 'Hello', delivered: 'Good' }, [' you'])).rejects.toMatchObject({
    code: 'resume-unsupported',
  });
});
