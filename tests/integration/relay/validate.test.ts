import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import {
  runRelay,
  startRelay,
  startValidate,
  temporaryFolder,
  type RelayProcess,
} from '../../fixtures/relay-process.ts';

let relay: RelayProcess;
let dataDir: string;
beforeAll(async () => {
  dataDir = await temporaryFolder();
  relay = await startRelay({ native: 'no-native' });
});
afterAll(async () => {
  await relay.dispose();
  await rm(dataDir, { recursive: true, force: true });
});

const other = createSigner(new Uint8Array(32).fill(9)).peer;

test('a validator has a key of its own, offers nothing, and knows whether it can be seated', async () => {
  const stranger = await startValidate({ relays: [relay.url], env: { AUDIT_VALIDATORS: other }, dataDir });
  expect(stranger.text()).toContain('is never seated');
  const self = /validator (12D3\w+)/.exec(stranger.text())![1]!;
  const { data } = (await (await fetch(`${relay.url}/v1/models`)).json()) as { data: unknown[] };
  expect(data).toEqual([]);
  expect(await stranger.halt()).toBe(0);

  const one = await startValidate({ relays: [relay.url], env: { AUDIT_VALIDATORS: `${other},${self}` }, dataDir });
  expect(one.text()).toContain(`validator ${self}`);
  expect(one.text()).toContain('It judges where it is seated.');
  expect(await one.halt()).toBe(0);
});

test('without validators it says what is missing', async () => {
  const { code, text } = await runRelay(['validate', '--relays', relay.url], { DATA_DIR: dataDir });
  expect(code).toBe(2);
  expect(text).toMatch(/bad-setting: AUDIT_VALIDATORS is missing: name the validators/);
});
