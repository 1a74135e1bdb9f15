import { expect, test } from 'vitest';
import { peerName } from '../peer-colour.ts';
import type { DeviceView } from '#lib/state/device.ts';
import { noNetwork, type NetworkView, type OfferView } from '#lib/state/network.ts';
import { deviceChecks, networkChecks } from './checks.ts';
import { reportText } from './report.ts';

const device: DeviceView = {
  webgpu: 'ready',
  adapter: 'apple common-3',
  softwareAdapter: false,
  f16: true,
  bufferBytesMax: 4e9,
  storageBufferBytesMax: 2e9,
  workgroupInvocationsMax: 1_024,
  cores: 8,
  memoryGiB: 16,
  quotaBytes: 50e9,
  usedBytes: 1e9,
  persistentStorage: true,
  isolated: true,
  phone: false,
  battery: undefined,
  metered: false,
  webrtc: true,
  locks: true,
  serviceWorker: 'active',
  browser: 'Chromium 156, Linux',
};

const network: NetworkView = {
  ...noNetwork,
  phase: 'online',
  self: '12D3KooWmyself',
  relays: [
    { peer: '12D3KooWrelay1', addr: '/ip4/192.0.2.7/tcp/8080/ws/p2p/12D3KooWrelay1', state: 'reserved', attempts: 1 },
    { peer: undefined, addr: '/ip4/192.0.2.8/tcp/1/ws', state: 'lost', attempts: 4, reason: 'Nobody answers there.' },
  ],
  connections: [
    { peer: '12D3KooWrelay1', path: 'direct', transport: 'websocket', direction: 'outbound' },
    { peer: '12D3KooWpeerAA', path: 'relayed', transport: 'circuit', direction: 'inbound' },
  ],
  incidents: [{ at: 0, peer: '12D3KooWpeerAA', code: 'peer-lost', message: 'It has gone.' }],
};

const outcomes = (change: Partial<DeviceView>) =>
  Object.fromEntries(deviceChecks({ ...device, ...change }).map(({ name, outcome }) => [name, outcome]));

test('a capable device passes every check', () => {
  expect(new Set(Object.values(outcomes({})))).toEqual(new Set(['good']));
});

test('what is missing is reported with advice', () => {
  expect(outcomes({ webgpu: 'no-adapter', f16: false, isolated: false })).toMatchObject({
    WebGPU: 'limited',
    '16-bit floats': 'limited',
    'Cross-origin isolation': 'limited',
  });
  expect(outcomes({ webrtc: false, quotaBytes: 10e6, usedBytes: 0 })).toMatchObject({
    WebRTC: 'bad',
    'Space for models': 'bad',
  });
  const [ownKey] = deviceChecks({ ...device, locks: false }).filter(({ outcome }) => outcome !== 'good');
  expect(ownKey).toMatchObject({ name: 'Device key', advice: expect.stringContaining('https') });
  for (const check of deviceChecks({ ...device, webgpu: 'unsupported', webrtc: false })) {
    if (check.outcome === 'bad') expect(check.advice).toBeTruthy();
  }
});

test('relays come before peers, and are not counted as peers', () => {
  const checks = networkChecks(network, new Map<string, number | string>([['12D3KooWrelay1', 12]]));
  expect(checks.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['Relay relay1', 'good'],
    ['Relay', 'bad'],
    ['Peer peerAA', 'limited'],
  ]);
  expect(checks[0]?.value).toContain('round trip 12 ms');
  expect(networkChecks(noNetwork, new Map())[0]).toMatchObject({ outcome: 'bad', value: 'none known' });
});

test('D10: reports a clock offset and which relays confirm listing this device', () => {
  const own = { offer: { peer: '12D3KooWmyself' }, self: true, audience: 'network' } as OfferView;
  const clock = { offsetMs: -300_400, errorMs: 600, corrected: true };
  const find = (change: Partial<NetworkView>) =>
    networkChecks({ ...network, ...change }, new Map())
      .filter(({ name }) => name === 'Clock' || name === 'Listed')
      .map(({ name, outcome, value }) => [name, outcome, value]);
  expect(find({})).toEqual([]);
  expect(find({ clock, offers: [own] })).toEqual([
    ['Clock', 'limited', 'Your clock is 5 min ahead; corrected here.'],
    ['Listed', 'bad', 'by no relay yet'],
  ]);
  expect(find({ clock: { ...clock, offsetMs: 300, corrected: false }, listedBy: ['12D3KooWrelay1'] })).toEqual([
    ['Clock', 'good', 'Your clock is right.'],
    ['Listed', 'good', 'by relay1'],
  ]);
});

test('D4: reports a browser without storage', () => {
  const kept = deviceChecks(device, 'memory').find(({ name }) => name === 'Persistent storage');
  expect(kept).toMatchObject({ outcome: 'bad', value: 'this browser stores nothing' });
});

test('the report contains no address, full peer id or key', () => {
  const text = reportText(device, network, new Map([['12D3KooWrelay1', 'peer-unreachable']]), {
    build: '0.1.0',
    at: '2026-11-21T00:00:00.000Z',
  });
  expect(text).toContain('peer-unreachable');
  expect(text).toContain('peerAA peer-lost');
  expect(text).not.toMatch(/12D3KooW|192\.0\.2|\/ip4/);
});

test('the report says what to do, and why a worker is not asked', () => {
  const routes = [{ peer: '12D3KooWpeerAA', reason: 'parked', message: 'It has failed several times.' }];
  const about = { build: '0.1.0', at: '2026-11-21T00:00:00.000Z', routes };
  const text = reportText({ ...device, webrtc: false }, network, new Map(), about);
  const { advice } = deviceChecks({ ...device, webrtc: false }).find(({ outcome }) => outcome === 'bad')!;
  expect(text).toContain(`WebRTC: no\n          ${advice}`);
  expect(text).toContain('peerAA parked');
});

test.each([
  'wss://relay.home.example/p2p/x',
  '/ip4/192.0.2.8/tcp/1/ws/p2p/x',
  '/dns4/home.example/tcp/443',
  '192.0.2.8:8080',
  '[2001:db8::1]:443',
  '12D3KooWFiw4C9YepwrS41URCbsz2YBfn6LxYcML9tPsNjZoC3xp',
])('a reason that names %s is reported without it', (address) => {
  const relays = [{ ...network.relays[1]!, reason: `Nobody answers at ${address} now.` }];
  const text = reportText(device, { ...network, relays }, new Map(), { build: '0.1.0', at: '' });
  expect(text).toContain('Nobody answers at [address] now.');
  expect(text).not.toContain(address);
});

test('a peer that signed two histories is named, and this device’s own key is a fault to mend', () => {
  const forks = ['12D3KooWpeerAA', '12D3KooWmyself'].map((peer) => ({ peer, side: 'worker', at: 0 }) as const);
  const checks = networkChecks({ ...network, forks }, new Map()).filter(({ name }) => name === 'Two histories');
  expect(checks.map(({ outcome }) => outcome)).toEqual(['limited', 'bad']);
  expect(checks[0]?.value).toContain(peerName('12D3KooWpeerAA'));
  expect(checks[1]?.advice).toContain('new key');
  expect(networkChecks(network, new Map()).some(({ name }) => name === 'Two histories')).toBe(false);
});
