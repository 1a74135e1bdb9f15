import { expect, test, vi } from 'vitest';
import { jobProtocol } from '#lib/protocol/frame.ts';
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
