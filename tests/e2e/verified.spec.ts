import { createServer } from 'node:http';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { toHex } from '#lib/base/bytes.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createBookStore, noNotes } from '#lib/peer/audit/book-store.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import { openSqliteStorage } from '../../relay/storage/sqlite.ts';
import { runRelay, startProvide, startRelay, temporaryFolder, type RelayProcess } from '../fixtures/relay-process.ts';
import { look } from './fixtures/looks.ts';
import { answers, send, sideBar, startSharing, untilIdle, visit } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

const seedOf = (number: number) => new Uint8Array(32).fill(number);
const validators = [1, 2, 3].map((number) => createSigner(seedOf(number)).peer);
const provider = createSigner(seedOf(4)).peer;

/** Rounds of a beacon of its own over drand's interface, for relay and tab. */
async function startBeacon() {
  const { chain, signRound } = ownChain({ genesis: Math.floor(Date.now() / 1_000) - 86_400, periodSeconds: 3 });
  const server = createServer((request, response) => {
    const round = Number(request.url!.split('/').at(-1));
    response.setHeader('access-control-allow-origin', '*');
    response.end(JSON.stringify({ round, signature: toHex(signRound(round)) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { chain, url, stop: () => server.close() };
}

/** What hours of audits would have left in the relay's book. */
async function noteAudited(dataDir: string): Promise<void> {
  const storage = openSqliteStorage(join(dataDir, 'relay.db'));
  const newest = [1, 2, 3, 4].map((number) => number.toString(16).padStart(64, '0'));
  const notes = { ...noNotes, receipts: 180, lastEpoch: 2, audited: 4, newest, validators, margins: 0.12, measured: 4 };
  createBookStore({ storage, logger: silentLogger }).write(provider, notes);
  storage.close();
}

/** The provider's account names its peer in the registry, and bonds a hundred dollars. */
async function bondProvider(relay: RelayProcess, env: Readonly<Record<string, string>>): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ address: localWallet(env['EARN_KEY']!).address });
  expect((await fetch(`${relay.url}/pay/faucet`, { method: 'POST', headers, body })).status).toBe(200);
  for (const args of [['register'], ['bond', '--amount', '100']])
    expect(await runRelay(['provider', ...args], env)).toMatchObject({ code: 0 });
}

test('a page asks verified peers only and shows what it looked up; a tab judges once the network names it', async ({
  newProfile,
  keep,
}) => {
  const [beacon, dataDir, providerDir] = [await startBeacon(), await temporaryFolder(), await temporaryFolder()];
  const beaconFile = join(dataDir, 'beacon.json');
  await writeFile(beaconFile, JSON.stringify(beacon.chain));
  await writeFile(join(providerDir, 'provide.key'), seedOf(4));
  await noteAudited(dataDir);
  const audits = { AUDIT_VALIDATORS: validators.join(','), BEACON_FILE: beaconFile, BEACON_URLS: beacon.url };
  const relayEnv = { ...audits, CHAIN: 'local', CHAIN_PORT: '0' };
  const relay = await startRelay({ native: 'no-native', env: relayEnv, dataDir });
  const earning = {
    EARN_IN: '1',
    EARN_OUT: '20',
    EARN_CHAIN: '31337',
    EARN_KEY: drawKey(systemRandom),
    CHAIN_RPC_URL: `${relay.url}/pay/rpc`,
  };
  const [provide] = await Promise.all([
    startProvide({ relays: [relay.url], env: { ...audits, ...earning }, dataDir: providerDir }),
    bondProvider(relay, { ...earning, DATA_DIR: providerDir }),
  ]);
  try {
    const [asker, judge] = [await newProfile(), await newProfile()];
    await test.step('the bond is read, the audits counted, and both stand beside the answer', async () => {
      await asker.goto(`${relay.url}/wallet`);
      await asker.getByRole('button', { name: 'Use this one' }).click();
      await asker.getByRole('button', { name: 'Get test money' }).click();
      await expect(asker.getByTestId('balance')).toHaveText('$1,000.00');
      await visit(asker, 'Chat');
      await asker.getByRole('button', { name: 'Instructions and parameters' }).click();
      await asker.getByRole('switch', { name: 'Only verified peers' }).click();
      await asker.getByRole('button', { name: 'Done' }).click();
      await asker.getByRole('button', { name: 'Pay up to $0.01 for an answer' }).click();
      await send(asker, 'What is Tabloom?');
      await untilIdle(asker);
      const answer = answers(asker).last();
      await expect(answer).toContainText('bond of $100.00 read · 2.2% re-scored · validators: 3 · margin: 0.03 nats');
      await answer.getByRole('button', { name: 'Receipt' }).click();
      await expect(answer).toContainText('Verified tier.');
      await expect(answer).toContainText('at least $2.048 is needed');
      await look(asker, 'verified-receipt', keep);
    });

    await test.step('who has asked nothing yet sees in the directory what was looked up', async () => {
      await judge.goto(`${relay.url}/network`);
      const rows = judge.getByRole('table');
      await expect(rows).toContainText('open, verified');
      await expect(rows).not.toContainText('not checked');
    });

    await test.step('a tab shows the peer ID to name, and judges when it is named and has a model', async () => {
      await judge.goto(`${relay.url}/share`);
      await expect(sideBar(judge)).toContainText('1 peer sharing');
      await judge.getByRole('switch', { name: 'Judge while a model is loaded' }).click();
      const self = await judge.locator('code', { hasText: /^12D3/ }).textContent();
      await look(judge, 'judge-not-named', keep);
      relayEnv.AUDIT_VALIDATORS += `,${self}`;
      await relay.restart();
      await startSharing(judge, relay.url);
      await expect(judge.getByText('Follows audits. Panels sat on since this page was opened: 0')).toBeVisible();
    });
  } finally {
    await provide.dispose();
    await relay.dispose();
    beacon.stop();
    for (const folder of [dataDir, providerDir]) await rm(folder, { recursive: true, force: true });
  }
});
