import { expect, test } from 'vitest';
import type { GatewayKeyView } from '#lib/state/keys.ts';
import { limitTexts, problemText, stateOf } from './texts.ts';

const key = (more: Partial<GatewayKeyView> = {}): GatewayKeyView => ({
  id: 'k',
  name: '',
  type: 'secret',
  models: [],
  origins: [],
  caps: {},
  createdAt: 1,
  expiresAt: undefined,
  revokedAt: undefined,
  ...more,
});

test('a key works until it expires or is revoked, and what was revoked has not merely expired', () => {
  expect(stateOf(key(), 5)).toBe('active');
  expect(stateOf(key({ expiresAt: 6 }), 5)).toBe('active');
  expect(stateOf(key({ expiresAt: 5 }), 5)).toBe('expired');
  expect(stateOf(key({ expiresAt: 4, revokedAt: 3 }), 5)).toBe('revoked');
});

test('limits are said in their own order; one that this page does not know is left out', () => {
  const caps = { tokensPerMinute: 9, requestsPerDay: 1_500, creditsPerMonth: 3, later: 4 };
  expect(limitTexts(key({ caps }))).toEqual(['Requests a day: 1,500', 'Credits a month: 3', 'Tokens a minute: 9']);
});

test('what is wrong with a form is said by the name of the field', () => {
  expect(problemText({ problem: 'cap', cap: 'tokensTotal' })).toContain('Tokens in all');
  expect(problemText({ problem: 'origin', text: 'shop' })).toContain('shop');
  expect(problemText({ problem: 'days' })).toContain('36,500');
});
