import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ask, gatewayFixture } from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';

const post = (body: BodyInit, headers: Record<string, string> = {}) => {
  const fixture = gatewayFixture();
  const sent = { 'content-type': 'application/json', ...headers };
  return fixture.request('/v1/chat/completions', { method: 'POST', body, headers: sent });
};
const codeOf = async (response: Response) => `${response.status} ${(await response.json()).error.code}`;
const json = JSON.stringify(ask({ messages: [{ role: 'user', content: 'Grüße' }] }));

describe('B8: compressed bodies', () => {
  const compressed = {
    gzip: gzipSync(json),
    'x-gzip': gzipSync(json),
    GZIP: gzipSync(json),
    deflate: deflateSync(json),
    br: brotliCompressSync(json),
    identity: Buffer.from(json),
  };
  test.each(Object.entries(compressed))('%s is decompressed', async (encoding, body) => {
    expect((await post(body, { 'content-encoding': encoding })).status).toBe(200);
  });
  test('deflate without its header is decompressed too', async () => {
    expect((await post(deflateRawSync(json), { 'content-encoding': 'deflate' })).status).toBe(200);
  });

  const bomb = ' '.repeat(gatewayLimits.bodyBytesMax + 1);
  test.each([
    ['a bomb', 'gzip', gzipSync(bomb), '413 body_too_large'],
    ['a bomb of another kind', 'br', brotliCompressSync(bomb), '413 body_too_large'],
    ['a body that is not compressed', 'gzip', Buffer.from(json), '400 bad_encoding'],
    ['a truncated body', 'deflate', deflateSync(json).subarray(0, 20), '400 bad_encoding'],
    ['an unknown encoding', 'compress', Buffer.from(json), '415 unsupported_encoding'],
    ['a body that is compressed twice', 'gzip, gzip', gzipSync(gzipSync(json)), '415 unsupported_encoding'],
    ['a name of every object', 'constructor', Buffer.from(json), '415 unsupported_encoding'],
  ])('%s (%s) is refused', async (_name, encoding, body, code) => {
    expect(await codeOf(await post(body, { 'content-encoding': encoding }))).toBe(code);
  });
});

describe('B8: text', () => {
  test.each(['utf-8', 'UTF-8', '"utf8"', 'us-ascii'])('charset=%s is read', async (charset) => {
    expect((await post(json, { 'content-type': `application/json; charset=${charset}` })).status).toBe(200);
  });
  test.each(['iso-8859-1', 'utf-16le', 'windows-1252'])('charset=%s is refused, not garbled', async (charset) => {
    const response = await post(json, { 'content-type': `application/json; charset=${charset}` });
    expect(await codeOf(response)).toBe('400 bad_encoding');
  });
  test('bytes that are no UTF-8 are refused, a byte order mark is ignored', async () => {
    expect(await codeOf(await post(Buffer.from(json, 'latin1')))).toBe('400 bad_encoding');
    expect((await post(`\ufeff${json}`)).status).toBe(200);
  });
});
