import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { readAudits } from './read-audits.ts';
import { readServedModels } from './read-models.ts';

const answering = (body: unknown, status = 200) =>
  (async () => Response.json(body, { status })) as unknown as typeof globalThis.fetch;
const worker = { peer: '12D3', receipts: 9, audited: 3, validators: 4, convictions: 0 };

test('audits are read as they were counted, and a relay that knows none of it follows none', async () => {
  const told = { object: 'list', followed: true, data: [{ ...worker, margin: 0.02, later: 'word' }] };
  expect(await readAudits(answering(told))).toEqual({ followed: true, workers: [{ ...worker, margin: 0.02 }] });
  expect(await readAudits(answering({}, 404))).toEqual({ followed: false, workers: [] });
});

test.each([
  ['another form', answering({ data: [] })],
  ['a count below zero', answering({ followed: true, data: [{ ...worker, convictions: -1 }] })],
  [
    'more workers than a relay tells of',
    answering({ followed: true, data: Array.from({ length: 1_025 }, () => worker) }),
  ],
  ['no answer', (() => Promise.reject(new TypeError('offline'))) as unknown as typeof globalThis.fetch],
])('%s is no record of audits', async (_what, fetch) => {
  expect(await readAudits(fetch).catch(errorCode)).toBe('audits-unread');
});

test('what is served is read with who has checked it', async () => {
  const [by, expires_at] = ['12D3Signer', 1_800_000_000];
  const data = [
    { id: 'a', tabloom: { listed: true, listings: [{ artefact: 'x', by, expires_at }], peers: 2 } },
    { id: 'b', tabloom: { listed: false, peers: 1 } },
  ];
  expect(await readServedModels(answering({ data }))).toEqual([
    { name: 'a', peers: 2, listed: true, listings: [{ by, until: 1_800_000_000_000 }] },
    { name: 'b', peers: 1, listed: false, listings: [] },
  ]);
  expect(await readServedModels(answering({ data: [{ id: 1 }] })).catch(errorCode)).toBe('net-offline');
});
