import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { chatCompletionSchema } from '#lib/protocol/openai.ts';
import { startRelay, type RelayProcess } from '../../fixtures/relay-process.ts';
import { eventually, health, postChat, question, readEvents } from './http.ts';
import { startWorker } from './worker.ts';

const body = question({ model: 'scripted-50', max_tokens: 120, temperature: 0 });

let relay: RelayProcess;
let workers: Peer[] = [];
beforeAll(async () => {
  relay = await startRelay({ native: 'no-native' });
  workers = await Promise.all(Array.from({ length: 3 }, () => startWorker(relay.url, 50, { answerTokens: 2_000 })));
  await eventually(async () => (await health(relay.url)).offers === 3);
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await relay?.dispose();
});

/** Its connections end without a goodbye, as those of a process that is killed. */
const kill = (peer: string) => {
  const victim = workers.find(({ self }) => self === peer)!;
  workers = workers.filter((worker) => worker !== victim);
  void victim.net.stop();
};

test('a worker that goes in the middle costs a stream nothing but a pause, and a whole answer neither', async () => {
  const whole = chatCompletionSchema.parse(await (await postChat(relay.url, body)).json());
  const undisturbed = whole.choices[0]!.message.content!;

  const response = await postChat(relay.url, { ...body, stream: true, stream_options: { include_usage: true } });
  const first = response.headers.get('x-tabloom-peer')!;
  let text = '';
  let ended = 0;
  let last: unknown;
  for await (const event of readEvents(response)) {
    if (event === '[DONE]') ended += 1;
    if (typeof event !== 'object') continue;
    text += event.choices[0]?.delta?.content ?? '';
    last = event;
    if (text.length > undisturbed.length / 3 && workers.some(({ self }) => self === first)) kill(first);
  }
  expect({ text, ended }).toEqual({ text: undisturbed, ended: 1 });
  expect(last).toMatchObject({
    usage: whole.usage,
    tabloom: { parts: [{ peer: first, receipt: null }, { receipt: { checks: { output: true, counts: true } } }] },
  });

  const asking = postChat(relay.url, body);
  await eventually(() => workers.some(({ provider }) => provider.state.tokensOut > 20 && provider.state.running > 0));
  kill(workers.find(({ provider }) => provider.state.running > 0)!.self);
  const second = chatCompletionSchema.parse(await (await asking).json());
  expect(second).toMatchObject({ usage: whole.usage, choices: [{ finish_reason: 'length' }] });
  expect(second.choices[0]!.message.content).toBe(undisturbed);
});
