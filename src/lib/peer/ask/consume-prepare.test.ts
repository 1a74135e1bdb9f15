import { expect, test, vi } from 'vitest';
import { jobProtocol } from '#lib/protocol/frame.ts';
import { directHeadStartMs } from '../session/asker-waits.ts';
import { chat, createWorld, follow, until } from '../peer.fixture.ts';

test('the worker that would be asked now is prepared for, and the one that has answered is again', async () => {
  const world = createWorld();
  const worker = await world.worker(1);
  const asker = await world.asker(2);
  const prepare = vi.spyOn(asker.net, 'prepare');
  const signal = new AbortController().signal;
  await asker.consumer.prepare(chat('hello'), { signal });
  expect(prepare.mock.calls).toEqual([[worker.net.self, jobProtocol, { addrs: worker.net.addresses(), signal }]]);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state.phase).toBe('finished');
  expect(prepare.mock.calls.slice(1)).toEqual([[worker.net.self, jobProtocol, { addrs: worker.net.addresses() }]]);
});

test('where nobody serves such a thing nothing is prepared, and a malformed wish is refused', async () => {
  const world = createWorld();
  await world.worker(1);
  const asker = await world.asker(2);
  const prepare = vi.spyOn(asker.net, 'prepare');
  await asker.consumer.prepare(chat('hello', { tier: 'confidential' }));
  expect(prepare).not.toHaveBeenCalled();
  await expect(asker.consumer.prepare(chat('hello', { only: [] }))).rejects.toMatchObject({ code: 'bad-request' });
});

const long = chat('hello', { params: { maxTokens: 400, temperature: 0 } });

test('an answer that takes a while has a successor ready, and it is asked when the worker is lost', async () => {
  const world = createWorld();
  for (const number of [1, 2, 3, 4, 5]) await world.worker(number, { answerTokens: 400 });
  const asker = await world.asker(9);
  const prepare = vi.spyOn(asker.net, 'prepare');
  const job = follow(asker.consumer, long);
  await until(world.clock, () => job.state.tokens > 25);
  expect(prepare).not.toHaveBeenCalled();
  await until(world.clock, () => job.state.tokens > 60);
  const successor = prepare.mock.calls[0]![0];
  const { peer } = job.state.worker!;
  expect(successor).not.toBe(peer);
  world.network.kill(peer);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'finished',
    attempts: [
      { worker: { peer }, outcome: 'lost' },
      { worker: { peer: successor }, outcome: 'finished' },
    ],
  });
});

test('the first worker is waited for until it is reached directly, its successors over a relay', async () => {
  const world = createWorld();
  for (const number of [1, 2]) await world.worker(number, { answerTokens: 400 });
  const asker = await world.asker(9);
  const prepare = vi.spyOn(asker.net, 'prepare');
  const open = vi.spyOn(asker.net, 'open');
  const job = follow(asker.consumer, long);
  await until(world.clock, () => prepare.mock.calls.length > 0);
  world.network.kill(job.state.worker!.peer);
  await until(world.clock, () => job.over);
  const within = ({ mock }: typeof prepare | typeof open) =>
    mock.calls.map(([, , options]) => options?.directTimeoutMs);
  expect(within(open)).toEqual([undefined, directHeadStartMs]);
  expect(within(prepare)[0]).toBe(directHeadStartMs);
});

test('a successor that has got work since is passed over for one that is free', async () => {
  const world = createWorld();
  const workers = [];
  for (const number of [1, 2, 3]) workers.push(await world.worker(number, { answerTokens: 400 }));
  const asker = await world.asker(9);
  const prepare = vi.spyOn(asker.net, 'prepare');
  const job = follow(asker.consumer, long);
  await until(world.clock, () => prepare.mock.calls.length > 0);
  const successor = prepare.mock.calls[0]![0];
  const other = follow((await world.asker(10)).consumer, { ...long, only: [successor] });
  await until(world.clock, () => other.state.tokens > 0);
  workers.find(({ net }) => net.self === successor)!.announce();
  const { peer } = job.state.worker!;
  world.network.kill(peer);
  await until(world.clock, () => job.over);
  const last = workers.find(({ net }) => net.self !== successor && net.self !== peer)!;
  expect(job.state).toMatchObject({ phase: 'finished', attempts: [{}, { worker: { peer: last.net.self } }] });
});
