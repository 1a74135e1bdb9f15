import { expect, test } from 'vitest';
import { readEnv, type Variables } from '../settings/read-env.ts';
import { checkGateways } from './check.ts';

const shared = { GATEWAYS: '2', DATABASE_URL: 'postgres://localhost/a', REDIS_URL: 'redis://localhost' };
const check = (variables: Variables) => () => checkGateways(readEnv('relay', variables));
const key = `0x${'1'.repeat(64)}`;

test('several processes count together, in Postgres and in Redis', () => {
  expect(check(shared)).not.toThrow();
  expect(check({ ...shared, REDIS_URL: undefined })).toThrow(/GATEWAYS needs REDIS_URL/);
  expect(check({ GATEWAYS: '1' })).toThrow(/needs DATABASE_URL and REDIS_URL/);
  expect(check({})).not.toThrow();
});

test('what holds a purse is refused, and credits are not', () => {
  expect(check({ ...shared, EARN_IN: '1', EARN_KEY: key })).toThrow(/EARN_IN/);
  expect(check({ ...shared, SPEND_KEY: key })).toThrow(/SPEND_KEY/);
  expect(check({ ...shared, HUB_IN: '1' })).toThrow(/HUB_IN/);
  expect(check({ ...shared, PRICE_IN: '1' })).not.toThrow();
});

test('at most 64', () => {
  expect(check({ ...shared, GATEWAYS: '64' })).not.toThrow();
  expect(check({ ...shared, GATEWAYS: '65' })).toThrow(/GATEWAYS/);
});
