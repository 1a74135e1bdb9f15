import { expect, test } from 'vitest';
import { createAnswerReader } from './http-answer.ts';

interface Seen {
  status?: number;
  headers: Record<string, string>;
  body: string;
  end?: 'reusable' | 'closed';
}

function readAnswer(pieces: readonly string[], after: 'open' | 'closed' = 'open'): Seen {
  const seen: Seen = { headers: {}, body: '' };
  const reader = createAnswerReader({
    onHead({ status, headers }) {
      seen.status = status;
      seen.headers = Object.fromEntries(headers);
    },
    onBody: (bytes) => void (seen.body += Buffer.from(bytes).toString('latin1')),
    onEnd: (reusable) => void (seen.end = reusable ? 'reusable' : 'closed'),
  });
  for (const piece of pieces) reader.read(Buffer.from(piece, 'latin1'));
  if (after === 'closed') reader.close();
  return seen;
}

const chunked = [
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  '5\r\nfirst\r\nC;name=value\r\n second\r\n \xfc!\r\n0\r\nx-sum: 1\r\n\r\n',
].join('');
const sized = 'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\nretry-after:3 \r\n\r\nbusy';

test('reads chunks, without their framing, their extensions and the trailers', () => {
  expect(readAnswer([chunked])).toEqual({
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' },
    body: 'first second\r\n \xfc!',
    end: 'reusable',
  });
});

test('reads the same however it is cut', () => {
  for (const text of [chunked, sized]) {
    const whole = readAnswer([text]);
    expect(whole.end).toBe('reusable');
    for (let at = 1; at < text.length; at++) {
      expect(readAnswer([text.slice(0, at), text.slice(at)])).toEqual(whole);
    }
    expect(readAnswer([...text])).toEqual(whole);
  }
});

test('what one read brings of a body is given at once, and before the end', () => {
  const seen: string[] = [];
  const reader = createAnswerReader({
    onHead: () => seen.push('head'),
    onBody: (bytes) => seen.push(Buffer.from(bytes).toString()),
    onEnd: () => seen.push('end'),
  });
  reader.read(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n'));
  reader.read(Buffer.from('1\r\nd\r\n0\r\n\r\n'));
  expect(seen).toEqual(['head', 'abc', 'd', 'end']);
});

test('an interim answer is followed by the one that was asked for', () => {
  const seen = readAnswer([`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${sized}`]);
  expect(seen).toMatchObject({ status: 429, body: 'busy', headers: { 'retry-after': '3' }, end: 'reusable' });
});

test.each([
  ['HTTP/1.1 200 OK\r\n\r\nall', 'all'],
  ['HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nall', 'all'],
  ['HTTP/1.1 200\r\nconnection: close\r\ncontent-length: 3\r\n\r\nall', 'all'],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nall', 'all'],
  [`${sized}more`, 'busy'],
])('a connection of which nothing more can be said is not used again: %j', (text, body) => {
  expect(readAnswer([text], 'closed')).toMatchObject({ body, end: 'closed' });
});

test('one of HTTP/1.0 is kept where it says so, and nothing follows a 204', () => {
  const kept = 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 3\r\n\r\nall';
  expect(readAnswer([kept]).end).toBe('reusable');
  expect(readAnswer(['HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n']).end).toBe('reusable');
});

test('an answer that breaks off is not whole', () => {
  const bodyAt = chunked.indexOf('\r\n\r\n') + 4;
  for (let at = 1; at < bodyAt; at++) {
    expect(() => readAnswer([chunked.slice(0, at)], 'closed')).toThrow('before its head');
  }
  for (let at = bodyAt; at < chunked.length; at++) {
    expect(readAnswer([chunked.slice(0, at)], 'closed').end).toBeUndefined();
  }
  expect(readAnswer([], 'closed').end).toBeUndefined();
});

const head = 'HTTP/1.1 200 OK\r\n';

test.each([
  'SSH-2.0',
  'H3',
  'HTTP/2 200 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
  `${head}no colon\r\n\r\n`,
  `${head}name : value\r\n\r\n`,
  `${head}a: b\r\n folded\r\n\r\n`,
  `${head}a: \0\r\n\r\n`,
  `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n`,
  `${head}content-length: 4\r\ncontent-length: 5\r\n\r\n`,
  `${head}content-length: -4\r\n\r\n`,
  `${head}transfer-encoding: chunked\r\n\r\nx\r\n`,
  `${head}transfer-encoding: chunked\r\n\r\n100000000\r\n`,
  `${head}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`,
  `${head}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(5_000)}\r\n`,
  `${head}transfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(3_000)}\r\n`,
  `${head}a: ${'x'.repeat(20_000)}`,
])('refuses what is no answer: %j', (text) => {
  expect(() => readAnswer([text])).toThrow(expect.objectContaining({ code: 'bad-http' }) as Error);
});
