import { expect, test } from 'vitest';
import { announcedAddress, dialAddress, localUrl } from './address.ts';

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

test('the address a person opens', () => {
  expect(localUrl('127.0.0.1', 8080)).toBe('http://localhost:8080');
  expect(localUrl('::', 8080)).toBe('http://localhost:8080');
  expect(localUrl('192.168.1.5', 8080)).toBe('http://192.168.1.5:8080');
  expect(localUrl('[fe80::1]', 8080)).toBe('http://[fe80::1]:8080');
});
