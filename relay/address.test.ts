import { expect, test } from 'vitest';
import { announcedAddress, dialAddress } from './address.ts';
import { curlFor, greeting, localUrl } from './greeting.ts';

test('the port as this machine dials it', () => {
  expect(dialAddress('127.0.0.1', 8080)).toBe('/ip4/127.0.0.1/tcp/8080/ws');
  expect(dialAddress('0.0.0.0', 1)).toBe('/ip4/127.0.0.1/tcp/1/ws');
  expect(dialAddress('[::1]', 1)).toBe('/ip6/::1/tcp/1/ws');
  expect(dialAddress('localhost', 1)).toBe('/dns4/localhost/tcp/1/ws');
});

test('what others are told', () => {
  const told = (url?: string) => announcedAddress('0.0.0.0', 8080, url === undefined ? undefined : new URL(url));
  expect(told()).toBe('/ip4/127.0.0.1/tcp/8080/ws');
  expect(told('https://relay.example/')).toBe('/dns4/relay.example/tcp/443/wss');
  expect(told('http://192.168.1.5:81')).toBe('/ip4/192.168.1.5/tcp/81/ws');
  expect(told('https://[2001:db8::1]:8443')).toBe('/ip6/2001:db8::1/tcp/8443/wss');
});

test('the greeting names the page and one request that works', () => {
  expect(localUrl('127.0.0.1', 8080)).toBe('http://localhost:8080');
  expect(localUrl('::', 8080)).toBe('http://localhost:8080');
  expect(localUrl('192.168.1.5', 8080)).toBe('http://192.168.1.5:8080');
  expect(localUrl('[fe80::1]', 8080)).toBe('http://[fe80::1]:8080');
  const text = greeting('http://localhost:8080', 'tabloom-demo', { NATIVE: 'on', PUBLIC_URL: undefined });
  expect(text).toContain(curlFor('http://localhost:8080', 'tabloom-demo'));
  expect(text.match(/curl/g)).toHaveLength(1);
  // D8: where nobody answers yet it says so, and asks for whatever model comes to be shared.
  const bare = greeting('http://localhost:8080', 'tabloom-demo', { NATIVE: 'off', PUBLIC_URL: undefined });
  expect(bare).toContain('Nobody answers yet.');
  expect(bare).toContain(curlFor('http://localhost:8080', 'auto'));
});
