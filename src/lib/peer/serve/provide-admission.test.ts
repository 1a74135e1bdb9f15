import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { job, pass, until } from '../peer.fixture.ts';
import { kinds, last, scene } from './provide.fixture.ts';

test.each([
  ['a model that is not here', { artefact: 'f'.repeat(64) }, 'model-not-here'],
  ['a tier that is not served', { tier: 'confidential' }, 'refused-policy'],
  [
    'files',
    {
      kind: 'chat',
      input: {
        messages: [
          { role: 'user', content: [{ type: 'blob', mime: 'image/png', sha256: 'a'.repeat(64), sizeBytes: 1 }] },
        ],
      },
    },
    'feature-unavailable',
  ],
  ['far too long a prompt', { kind: 'completion', input: { prompt: 'x'.repeat(150_000) } }, 'too-long'],
  ['a resume with more than all', { resume: { text: 'x', tokens: 257 } }, 'bad-request'],
] as const)('%s is refused', async (_name, change, code) => {
  const { clock, open, worker } = await scene();
  const raw = await open();
  await raw.send({ t: 'open', job: job(change as never) });
  await until(clock, () => raw.ended === 'closed');
  expect(raw.frames).toMatchObject([{ t: 'refused', code }]);
  expect(worker.provider.state).toMatchObject({ jobsRefused: 1, running: 0, queued: 0 });
});

test('the person who serves has the last word', async () => {
  const policy = () => ({ code: 'refused-policy', message: 'Not on a Sunday.' }) as const;
  const { clock, open } = await scene({ provider: { policy } });
  const raw = await open();
  await raw.send({ t: 'open', job: job() });
  await until(clock, () => raw.ended === 'closed');
  expect(raw.frames).toEqual([{ t: 'refused', code: 'refused-policy', message: 'Not on a Sunday.' }]);
});

test('what is for this device alone is refused to others', async () => {
  const { clock, open, worker } = await scene();
  worker.provider.offerModel(worker.model, { audience: 'self' });
  const [stranger, own] = [await open(), await open(worker.net)];
  for (const raw of [stranger, own]) await raw.send({ t: 'open', job: job() });
  await until(clock, () => stranger.ended === 'closed' && last(own)?.t === 'finish');
  expect(stranger.frames).toMatchObject([{ t: 'refused', code: 'refused-policy' }]);
});

test('paused, draining and stopped providers take nothing', async () => {
  const { clock, open, worker } = await scene();
  worker.provider.pause();
  const raw = await open();
  await raw.send({ t: 'open', job: job() });
  await until(clock, () => raw.ended === 'closed');
  expect(raw.frames).toMatchObject([{ t: 'refused', code: 'draining' }]);
  worker.provider.resume();
  const again = await open();
  await again.send({ t: 'open', job: job() });
  await until(clock, () => last(again)?.t === 'finish');
  await worker.provider.stop();
  await expect(open()).rejects.toMatchObject({
    code: expect.stringMatching(/^(peer-unreachable|protocol-unknown)$/),
  });
});

test('silence instead of a job ends the channel', async () => {
  const { clock, open } = await scene();
  const raw = await open();
  await pass(clock, limits.openFrameTimeoutMs + 100);
  expect(raw.frames).toMatchObject([{ t: 'refused', code: 'deadline' }]);
  expect(raw.ended).toBe('closed');
});

test.each([
  ['garbage', Uint8Array.of(0xff, 0x00, 0x13)],
  ['deep nesting', new Uint8Array(4_000).fill(0x81)],
])('%s is answered and harms nobody', async (_name, bytes) => {
  const { clock, open } = await scene();
  const good = await open();
  await good.send({ t: 'open', job: job() });
  const bad = await open();
  await bad.sendBytes(bytes);
  await until(clock, () => bad.ended !== 'open' && last(good)?.t === 'finish');
  expect(bad.frames).toMatchObject([{ t: 'refused', code: 'bad-frame' }]);
  expect(kinds(good)).toEqual(['accepted', 'part', 'finish']);
});

test('a cancel for a job that was never opened is a breach', async () => {
  const { clock, open } = await scene();
  const raw = await open();
  await raw.send({ t: 'cancel', jobId: '0'.repeat(32) });
  await until(clock, () => raw.ended !== 'open');
  expect(raw.frames).toMatchObject([{ t: 'refused', code: 'bad-frame' }]);
});
