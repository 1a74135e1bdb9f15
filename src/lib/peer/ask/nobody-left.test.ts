import { expect, test } from 'vitest';
import type { RejectionReason, RouteQuery } from '#lib/market/spec.ts';
import { nobodyLeft } from './nobody-left.ts';

const wish: RouteQuery = { model: { name: 'tabloom-demo' }, tier: 'open', contextTokens: 10, kind: 'chat' };
const rejected = (...reasons: RejectionReason[]) => reasons.map((reason, i) => ({ peer: `p${i}`, reason }));
const tried = (...codes: string[]) => codes.map((code) => ({ code, message: code }));

test.each([
  ['nobody at all', [], [], 'no-peer-available'],
  ['other models only', rejected('model-not-here', 'model-not-here'), [], 'no-peer-available'],
  ['every context too small', rejected('context-too-small', 'context-too-small'), [], 'too-long'],
  ['every queue full', rejected('queue-full'), [], 'busy'],
  ['some full, some elsewhere', rejected('queue-full', 'tier'), [], 'no-peer-available'],
  ['one lost', rejected('tried-already'), tried('peer-lost'), 'peer-lost'],
  ['one busy, one lost', rejected('tried-already'), tried('busy', 'peer-lost'), 'busy'],
  ['one said the request is wrong', [], tried('peer-lost', 'bad-request', 'busy'), 'bad-request'],
  ['one went away', [], tried('draining'), 'no-peer-available'],
  ['one does not want to', [], tried('refused-policy'), 'refused-policy'],
] as const)('%s', (_name, rejections, errors, code) => {
  expect(nobodyLeft(wish, rejections, errors).code).toBe(code);
});
