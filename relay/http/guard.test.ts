import { describe, expect, test } from 'vitest';
import { createGuard, type GuardSettings } from './guard.ts';

const guard = (settings: Partial<GuardSettings> = {}) =>
  createGuard({ bindHost: '127.0.0.1', allowedHosts: [], allowedOrigins: [], ...settings });
const hostPasses = (host: string | undefined, settings?: Partial<GuardSettings>) =>
  guard(settings).checkHost(host).allowed;
const originPasses = (
  origin: string | undefined,
  { host = 'localhost:8080', ...settings }: Partial<GuardSettings> & { host?: string } = {},
) => guard(settings).checkOrigin({ host, origin, method: 'POST' }).allowed;

describe('Host', () => {
  test.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST:8080',
    'localhost.',
    'app.localhost:1',
    '127.0.0.1:8080',
    '127.9.9.9',
    '[::1]:8080',
  ])('on loopback %s is a name of this relay', (host) => expect(hostPasses(host)).toBe(true));
  test.each([
    undefined,
    '',
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.evil',
    'evil.example@localhost',
    'localhost/..',
    '192.168.1.5:8080',
    '[::1',
    'localhost:port',
  ])('on loopback %s is not', (host) => expect(hostPasses(host)).toBe(false));

  test('listening everywhere lets literal addresses in, names still not', () => {
    for (const bindHost of ['0.0.0.0', '::', '[::]']) {
      expect(hostPasses('192.168.1.5:8080', { bindHost })).toBe(true);
      expect(hostPasses('[fe80::1]:8080', { bindHost })).toBe(true);
      expect(hostPasses('localhost', { bindHost })).toBe(true);
      expect(hostPasses('evil.example', { bindHost })).toBe(false);
    }
  });
  test('listening on one address lets that address in and not loopback names', () => {
    expect(hostPasses('192.168.1.5:8080', { bindHost: '192.168.1.5' })).toBe(true);
    expect(hostPasses('192.168.1.6:8080', { bindHost: '192.168.1.5' })).toBe(false);
    expect(hostPasses('localhost', { bindHost: '192.168.1.5' })).toBe(false);
  });
  test('the public URL and allowed hosts are names too', () => {
    const settings = { publicUrl: new URL('https://Relay.example/'), allowedHosts: ['Other.example'] };
    expect(hostPasses('relay.example', settings)).toBe(true);
    expect(hostPasses('other.example:444', settings)).toBe(true);
    expect(hostPasses('third.example', settings)).toBe(false);
  });
  test('a refusal says what to do', () => {
    expect(guard().checkHost('evil.example')).toMatchObject({ code: 'host-not-allowed', message: /ALLOWED_HOSTS/ });
  });
});

describe('Origin', () => {
  test('none passes: programs send none', () => expect(originPasses(undefined)).toBe(true));
  test('the own one passes, whatever the scheme a proxy saw', () => {
    expect(originPasses('http://localhost:8080')).toBe(true);
    expect(originPasses('https://relay.example', { host: 'relay.example' })).toBe(true);
    expect(originPasses('https://relay.example', { host: 'relay.example:443' })).toBe(true);
  });
  test.each([
    'null',
    '',
    'http://evil.example',
    'http://localhost:3000',
    'http://127.0.0.1:8080',
    'http://localhost:8080.evil.example',
    'http://evil.example/localhost:8080',
    'file://localhost:8080',
    'chrome-extension://localhost:8080',
  ])('%s is foreign', (origin) => expect(originPasses(origin)).toBe(false));
  test('an allowed one passes, exactly', () => {
    const allowedOrigins = ['https://app.example'];
    expect(originPasses('https://app.example', { allowedOrigins })).toBe(true);
    expect(originPasses('http://app.example', { allowedOrigins })).toBe(false);
    expect(originPasses('https://app.example:444', { allowedOrigins })).toBe(false);
  });
  test('B6: an allowed app or extension passes, exactly', () => {
    const allowedOrigins = ['app://obsidian.md', 'chrome-extension://abc'];
    for (const origin of allowedOrigins) expect(originPasses(origin, { allowedOrigins })).toBe(true);
    expect(originPasses('chrome-extension://abd', { allowedOrigins })).toBe(false);
    expect(originPasses('app://obsidian.md.evil', { allowedOrigins })).toBe(false);
  });
  test('the public URL is an own origin under any host name', () => {
    expect(originPasses('https://relay.example', { publicUrl: new URL('https://relay.example/') })).toBe(true);
  });
  test('a browser that hides the origin of a cross-site request is refused for what changes something', () => {
    const judge = (method: string, fetchSite: string) =>
      guard().checkOrigin({ host: 'localhost', origin: undefined, fetchSite, method }).allowed;
    expect(judge('POST', 'cross-site')).toBe(false);
    expect(judge('POST', 'same-origin')).toBe(true);
    expect(judge('GET', 'cross-site')).toBe(true);
  });
});
