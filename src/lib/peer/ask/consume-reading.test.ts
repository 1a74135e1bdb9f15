import { expect, test } from 'vitest';
import type { JobEvent } from '../spec.ts';
import { initialJob, reduceJob } from '../session/job-state.ts';
import { accepted, finishOf, part } from './byzantine.fixture.ts';
import { chat, createWorld, demo, pass, until, type Asker } from '../peer.fixture.ts';

/** A reader that takes events only while its gate is open. */
function readBehindGate(asker: Asker, request = chat('hello')) {
  const reader = { state: initialJob, events: 0, over: false, open: true, wake: () => {} };
  const read = async () => {
    for await (const event of asker.consumer.ask(request) as AsyncIterable<JobEvent>) {
      reader.state = reduceJob(reader.state, event);
      reader.events += 1;
      while (!reader.open) await new Promise<void>((resolve) => (reader.wake = resolve));
    }
    reader.over = true;
  };
  void read();
  return reader;
}

test('A9: a reader that pauses for longer than any silence gets its whole answer, and its worker is not blamed', async () => {
  const world = createWorld();
  // 700 tokens of 1,000 characters: far more than the asker holds and the transport takes together.
  const words = (_prompt: string) => Array.from({ length: 700 }, (_, i) => `${i}`.padEnd(1_000, 'x')).join(' ');
  const worker = await world.worker(1, { tokensPerSecond: 0, text: words });
  const asker = await world.asker(2);
  const reader = readBehindGate(asker, chat('hello', { params: { maxTokens: 800, temperature: 0 } }));
  await until(world.clock, () => reader.state.tokens > 0);
  reader.open = false;
  await pass(world.clock, 15_000);
  const held = worker.provider.state.tokensOut;
  await pass(world.clock, 5_000);
  // The engine waits for the reader.
  expect(worker.provider.state).toMatchObject({ running: 1, tokensOut: held });
  expect(held).toBeLessThan(600);
  reader.open = true;
  reader.wake();
  await until(world.clock, () => reader.over);
  expect(reader.state).toMatchObject({ phase: 'finished', attempts: [{ outcome: 'finished' }] });
  expect(reader.state.text.trim()).toBe(words('').trim());
  expect(asker.trackRecord.standing(worker.net.self, demo.artefact)).toMatchObject({ finished: 1, broken: {} });
});

test('text that gathers while nobody reads comes as one piece', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async (stage) => {
    await stage.send(accepted);
    for (const word of 'abcdef') await stage.send(part(word));
    await stage.send(await finishOf(stage, [...'abcdef']));
    await stage.hang();
  });
  const asker = await world.asker(2);
  const reader = readBehindGate(asker);
  reader.open = false;
  await pass(world.clock, 200);
  expect(reader.events).toBe(1);
  reader.open = true;
  reader.wake();
  await until(world.clock, () => reader.over);
  expect(reader.state).toMatchObject({ phase: 'finished', text: 'abcdef', tokens: 6 });
  // Routed, chosen, opened, accepted, one piece of text, finished.
  expect(reader.events).toBe(6);
});
