import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { chat, eventually, forgets, knows, run, startPeer, startRelay } from './ground.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

const tuning = { silenceTickMs: 200 };

test('a worker whose process is suspended leaves every directory, its connections are dropped, and it recovers', async () => {
  const relay = await startRelay(111, { tuning });
  ending.push(() => relay.peer.stop());
  const asker = await startPeer(112, relay.address, { tuning });
  ending.push(() => asker.stop());
  const child = fork(fileURLToPath(new URL('worker.process.ts', import.meta.url)), ['113', relay.address(), '200'], {
    execArgv: [],
  });
  ending.push(() => child.kill('SIGKILL'));
  const self = await new Promise<string>((resolve) =>
    child.once('message', (message) => resolve((message as { peer: string }).peer)),
  );
  await Promise.all([knows(relay.peer, self), knows(asker, self)]);
  const answered = await run(asker.consumer, chat('before', { params: { maxTokens: 20, temperature: 0 } }));
  expect(answered).toMatchObject({ phase: 'finished', attempts: [{ worker: { peer: self } }] });
  const connections = () =>
    [relay.peer, asker].map(({ net }) => net.status().connections.filter(({ peer }) => peer === self).length);
  expect(Math.min(...connections())).toBeGreaterThan(0);

  // The system still acknowledges its data, and its offer stays valid for at least twice as long as `forgets` waits.
  child.kill('SIGSTOP');
  await Promise.all([forgets(relay.peer, self), forgets(asker, self)]);
  await eventually(() => Math.max(...connections()) === 0);

  child.kill('SIGCONT');
  await Promise.all([knows(relay.peer, self), knows(asker, self)]);
  expect(await run(asker.consumer, chat('after', { params: { maxTokens: 20, temperature: 0 } }))).toMatchObject({
    phase: 'finished',
  });
});
