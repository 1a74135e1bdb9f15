import { expect, test } from 'vitest';
import { toCsv } from './csv.ts';

const at = Date.UTC(2026, 10, 29, 12);
const none = { hash: undefined, model: undefined };

test('a row an event, to the unit', () => {
  const rows = toCsv(
    [
      { ...none, at, type: 'answer-paid', units: 9_007_199_254_740_993n },
      { ...none, at, type: 'claimed', units: undefined, hash: '0xab' },
    ],
    'USDC',
  );
  expect(rows).toBe(
    'time,event,units,token,model,transaction\r\n' +
      '2026-11-29T12:00:00.000Z,answer-paid,9007199254740993,USDC,,\r\n' +
      '2026-11-29T12:00:00.000Z,claimed,,USDC,,0xab\r\n',
  );
});

test('a name can neither break a row nor run as a formula', () => {
  const rows = toCsv([{ ...none, at, type: 'answer-earned', units: 1n, model: '=cmd("a",\n1)' }], 'USDC');
  expect(rows).toContain(`,USDC,"'=cmd(""a"",\n1)",\r\n`);
});
