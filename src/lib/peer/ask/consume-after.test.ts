import { expect, test } from 'vitest';
import { chat, createWorld, follow, until } from '../peer.fixture.ts';
import { continueJob, reduceJob, type JobState } from '../session/job-state.ts';
import type { AskRequest } from '../spec.ts';

const request = (maxTokens: number, more: Partial<AskRequest> = {}) =>
  ({ ...chat('hello'), params: { maxTokens }, ...more }) as AskRequest;

/** An answer of ten tokens of a hundred, and the request that goes on with it. */
async function cutOff() {
  const world = createWorld();
  await world.worker(1, { answerTokens: 100 });
  const asker = await world.asker(2);
  const first = follow(asker.consumer, request(10));
  await until(world.clock, () => first.over);
  const { job, text, tokens } = first.state;
  const ids = first.events.flatMap((event) =>
    event.type === 'part-received' && event.part.type === 'text-delta' ? (event.part.ids ?? []) : [],
  );
  return { world, asker, first: first.state, after: { job: job!, text, tokens, ids } };
}

test('an answer that was cut off goes on as if it had not been, with a receipt for what was added', async () => {
  const { world, asker, first, after } = await cutOff();
  expect(first).toMatchObject({ phase: 'finished', reason: 'length', tokens: 10 });
  const whole = follow(asker.consumer, request(30));
  await until(world.clock, () => whole.over);
  const more = follow(asker.consumer, request(30, { after }));
  await until(world.clock, () => more.over);
  const shown = more.events.reduce<JobState>(reduceJob, continueJob(first));
  expect(shown).toMatchObject({ phase: 'finished', reason: 'length', text: whole.state.text, tokens: 30 });
  expect(shown.usage).toEqual(whole.state.usage);
  expect(shown.attempts).toMatchObject([
    { fromToken: 0, toToken: 10, earlier: { job: { id: first.job!.id }, reason: 'length' } },
    { fromToken: 10, toToken: 30, settlement: { receiptCheck: { prompt: true, output: true, counts: true } } },
  ]);
  expect(shown.job?.resume).toMatchObject({ tokens: 10, text: first.text });
  expect(shown.attempts[1]).not.toHaveProperty('earlier');
});

test('nobody is asked to go on who serves other weights, or cannot be told what there is', async () => {
  const { world, asker, after } = await cutOff();
  const elsewhere = { ...after, job: { ...after.job, artefact: 'f'.repeat(64) } } as AskRequest['after'];
  const more = follow(asker.consumer, request(30, { after: elsewhere }));
  await until(world.clock, () => more.over);
  expect(more.state).toMatchObject({ phase: 'failed', attempts: [] });

  const plain = createWorld();
  const { model } = await createWorld().worker(1);
  await plain.worker(1, { model: { ...model, features: [] } });
  const other = await plain.asker(2);
  const refused = follow(other.consumer, request(30, { after }));
  await until(plain.clock, () => refused.over);
  expect(refused.state).toMatchObject({ phase: 'failed', attempts: [] });
});

test('what is to go on is checked before anything leaves', async () => {
  const { asker, after } = await cutOff();
  const broken = { ...after, job: { ...after.job, id: 'x' } } as AskRequest['after'];
  expect(() => asker.consumer.ask(request(30, { after: broken }))).toThrow(
    expect.objectContaining({ code: 'bad-request' }),
  );
});
