import { expect, test } from 'vitest';
import { readBackends } from '../backends.ts';
import { readEnv, type Variables } from '../settings/read-env.ts';
import { found } from './doctor.fixture.ts';
import { ofGateways } from './gateways.ts';

const shared = { DATABASE_URL: 'postgres://localhost/a', REDIS_URL: 'redis://localhost', DATA_DIR: 'data' };
const examine = async (variables: Variables) => {
  const env = readEnv('relay', { ...shared, ...variables });
  const checks = ofGateways(env, await readBackends(env));
  return Promise.all(checks.map(found));
};

test('a relay without workers is not asked about them', async () => {
  expect(await examine({ DATABASE_URL: undefined })).toEqual([]);
});

test('what a relay with workers would refuse at its start is said before', async () => {
  expect(await examine({ GATEWAYS: '2', REDIS_URL: undefined })).toMatchObject([
    { id: 'gateways', state: 'fail', what: expect.stringContaining('GATEWAYS needs REDIS_URL') },
  ]);
  expect(await examine({ GATEWAYS: '2', HUB_IN: '1' })).toMatchObject([
    { state: 'fail', what: expect.stringContaining('HUB_IN and HUB_OUT') },
  ]);
  expect(await examine({ GATEWAYS: '2', DATA_DIR: `/${'a'.repeat(100)}` })).toMatchObject([
    { state: 'fail', what: expect.stringContaining('DATA_DIR is too long') },
  ]);
});

test('workers without a slot of their own are warned of', async () => {
  const server = { NATIVE_SERVER: 'http://localhost:8000', NATIVE_SLOTS: '2' };
  expect(await examine({ GATEWAYS: '3', ...server })).toMatchObject([
    { state: 'warn', what: expect.stringContaining('1 of 3 gateway workers'), do: expect.any(String) },
  ]);
  expect(await examine({ GATEWAYS: '2', ...server })).toMatchObject([{ state: 'ok' }]);
  expect(await examine({ GATEWAYS: '8' })).toMatchObject([{ state: 'ok' }]);
});
