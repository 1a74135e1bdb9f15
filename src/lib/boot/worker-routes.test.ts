import { expect, test } from 'vitest';
import { routeOf } from './worker-routes.ts';

const kept = {
  assets: new Set(['/_app/immutable/a.js']),
  pages: ['/', '/200.html', '/network', '/network/peer', '/receive'],
  small: ['/icons/tabloom.svg'],
  fallback: '/200.html',
};
const route = (path: string, { method = 'GET', mode = 'navigate' as RequestMode, origin = 'https://a.test' } = {}) =>
  routeOf({ method, mode, url: origin + path }, 'https://a.test', kept);

test.each([
  ['/', '/'],
  ['/network', '/network'],
  ['/network/', '/network'],
  ['/network/peer?id=12D3', '/network/peer'],
  [`/c/${'a'.repeat(32)}`, '/200.html'],
  [`/c/${'a'.repeat(32)}/`, '/200.html'],
])('the page %s is %s', (path, page) => expect(route(path)).toEqual({ to: 'page', path: page }));

test.each(['/nowhere', '/c/short', '/v1/models', '/health', '/networks', '/pay/orders'])(
  '%s is the relay’s to answer, so that what is not there is not there',
  (path) => expect(route(path)).toBeUndefined(),
);

test('files are served as what they are, and only from this origin', () => {
  expect(route('/_app/immutable/a.js', { mode: 'cors' })).toEqual({ to: 'asset', path: '/_app/immutable/a.js' });
  expect(route('/icons/tabloom.svg', { mode: 'no-cors' })).toEqual({ to: 'kept', path: '/icons/tabloom.svg' });
  expect(route('/_app/immutable/old.js', { mode: 'cors' })).toBeUndefined();
  expect(route('/', { origin: 'https://b.test' })).toBeUndefined();
  // What a page fetches is no visit: it is not given a page.
  expect(route('/network', { mode: 'cors' })).toBeUndefined();
});

test('only a form sent to its one place is received; every other one goes to the relay', () => {
  expect(route('/receive', { method: 'POST' })).toEqual({ to: 'received' });
  expect(route('/receive')).toEqual({ to: 'page', path: '/receive' });
  expect(route('/receive', { method: 'POST', mode: 'cors' })).toBeUndefined();
  expect(route('/v1/chat/completions', { method: 'POST' })).toBeUndefined();
  expect(route('/', { method: 'POST' })).toBeUndefined();
  expect(route('/', { method: 'HEAD' })).toBeUndefined();
});
