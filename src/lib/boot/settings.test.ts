import { expect, test } from 'vitest';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { keepSettings, toIceServers } from './settings.ts';

test('what was chosen is there after a reload', async () => {
  const storage = createMemoryStorage();
  await (await keepSettings(storage)).change({ temperature: 0.2, relays: ['https://relay.example.org'] });
  const again = await keepSettings(storage);
  expect(again.view.current).toMatchObject({ temperature: 0.2, relays: ['https://relay.example.org'], hoursMax: 0 });
});

test('a bad member in the storage falls back alone', async () => {
  const storage = createMemoryStorage();
  await storage.put('settings', 'tab', { temperature: 'hot', answerTokensMax: 64, unknown: 1 });
  expect((await keepSettings(storage)).view.current).toMatchObject({ temperature: 0.7, answerTokensMax: 64 });
  await storage.put('settings', 'tab', 'garbage');
  expect((await keepSettings(storage)).view.current.answerTokensMax).toBe(512);
});

test('a change outside of what is possible is refused and nothing changes', async () => {
  const keeper = await keepSettings(createMemoryStorage());
  await expect(keeper.change({ temperature: 9 })).rejects.toMatchObject({ code: 'bad-setting' });
  await expect(keeper.change({ answerTokensMax: Number.NaN })).rejects.toMatchObject({ code: 'bad-setting' });
  expect(keeper.view.current.temperature).toBe(0.7);
});

test('a name for others hides nothing, and is not too long', async () => {
  const keeper = await keepSettings(createMemoryStorage());
  for (const nickname of ['a\u202Eb', 'a\u200Bb', 'a\nb', ' a', 'x'.repeat(33)])
    await expect(keeper.change({ nickname })).rejects.toMatchObject({ code: 'bad-setting' });
  expect(keeper.view.current.nickname).toBe('');
  await keeper.change({ nickname: 'Ada 🦊' });
  expect(keeper.view.current.nickname).toBe('Ada 🦊');
  await keeper.change({ nickname: '' });
  expect(keeper.view.current.nickname).toBe('');
});

test('a line that is no address is named, with how to write it, and nothing changes', async () => {
  const keeper = await keepSettings(createMemoryStorage());
  const refused = [
    { relays: ['https://relay.example.org', 'relay.example.org'] },
    { relays: ['wss://relay.example.org'] },
    { relays: ['/dns4/relay.example.org/tcp/443/wss'] },
    { iceServers: ['stun.example.org'] },
    { iceServers: ['turn:turn.example.org'] },
  ];
  for (const change of refused) {
    const line = Object.values(change)[0]!.at(-1)!;
    await expect(keeper.change(change)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining(`"${line}"`),
    });
  }
  expect(keeper.view.current).toMatchObject({ relays: [], iceServers: [] });
  const relays = ['http://192.0.2.7:8080', '/dns4/relay.example.org/tcp/443/wss/p2p/12D3KooWAbc'];
  await keeper.change({ relays, iceServers: ['stun:stun.example.org:3478', 'turn:me:secret@turn.example.org'] });
  expect(keeper.view.current.relays).toEqual(relays);
});

test('STUN and TURN, and nothing that is neither', () => {
  expect(
    toIceServers([
      'stun:stun.example.org:3478',
      'turn:me:secret@turn.example.org',
      'turn:turn.example.org',
      'http://x',
    ]),
  ).toEqual([
    { urls: 'stun:stun.example.org:3478' },
    { urls: 'turn:turn.example.org', username: 'me', credential: 'secret' },
  ]);
});
