import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { privateKeyToAccount } from 'viem/accounts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { openDatabase } from '../../relay/ledger/database.ts';
import { bookedOf } from '../../relay/ledger/spends.ts';
import { startProvide, startRelay, type ProgramProcess, type RelayProcess } from '../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../integration/pay/chain.fixture.ts';

const program = fileURLToPath(new URL('./asker.process.ts', import.meta.url));

/** What an asker tells while it runs. */
export type Told =
  | { readonly type: 'worker'; readonly peer: string }
  | { readonly type: 'part'; readonly tokens: number }
  | {
      readonly type: 'over';
      readonly phase: string;
      readonly text: string;
      readonly cost: string;
      readonly error?: string;
      readonly receipts: readonly (boolean | undefined)[];
    }
  | { readonly type: 'promised'; readonly units: string };

export interface Provider {
  readonly peer: string;
  readonly person: Person;
  readonly program: ProgramProcess;
}

/**
 * A chain with its state in a file, a relay, two providers with a price, and an asker, all of them processes that can be killed. The relay is a hub, and its
 * gateway charges callers and pays providers out of that.
 */
export interface Town {
  readonly chain: LocalChain;
  readonly relay: RelayProcess;
  readonly providers: readonly Provider[];
  readonly asker: Person;
  /** Whom the hub is paid to, and from whom it and the gateway pay. */
  readonly seller: Person;
  readonly spender: Person;
  /** Asks the gateway, as a caller that pays with x402: a new one, or this one. */
  call(caller?: Caller): Promise<Response>;
  /** What the gateway and the hub have promised to providers, by the ledger. */
  booked(): Promise<bigint>;
  /** Runs the asker once, for one provider if one is named; `onTold` may kill it, or somebody else. Resolves with what it told when it is gone. */
  run(
    command: 'ask' | 'ask-hub' | 'leave' | 'withdraw',
    onTold?: (told: Told, kill: () => void) => void,
    provider?: string,
  ): Promise<readonly Told[]>;
  dispose(): Promise<void>;
}

export interface Caller {
  readonly fetch: typeof globalThis.fetch;
  readonly signer: ConstructorParameters<typeof ExactEvmScheme>[0];
}

/** What the asker has in its wallet at first, in units. */
export const funds = 20_000_000n;

export async function startTown(): Promise<Town> {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-paid-'));
  const chain = await startLocalChain({ statePath: join(folder, 'chain.json') });
  const data = await mkdtemp(join(tmpdir(), 'tabloom-paid-'));
  const [seller, spender, payee] = [await chain.person(0n), await chain.person(funds), await chain.person(0n)];
  const relay = await startRelay({
    native: 'no-native',
    dataDir: data,
    env: {
      PRICE_IN: '75000',
      PRICE_OUT: '150000',
      CREDITS_CHAIN: '31337',
      CREDITS_PAYEE: payee.address,
      CREDITS_KEY: payee.key,
      HUB_IN: '750',
      HUB_OUT: '1500',
      HUB_KEY: seller.key,
      SPEND_KEY: spender.key,
      SPEND_CHAIN: '31337',
      SPEND_JOB_MAX: '1',
      SPEND_IN: '500',
      SPEND_OUT: '1000',
      EARN_COIN_PRICE: '0.000001',
      CHAIN: chain.anvil.url,
      // What comes from this machine is its owner's, and costs nothing.
      TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  const { peer } = relayInfoSchema.parse(await (await fetch(`${relay.url}/relay.json`)).json());
  const address = `/ip4/127.0.0.1/tcp/${relay.port}/ws/p2p/${peer}`;
  const asker = await chain.person(funds);
  const providers: Provider[] = [];
  for (let count = 0; count < 2; count++) {
    const person = await chain.person(0n);
    const env = {
      EARN_IN: '500',
      EARN_OUT: '1000',
      EARN_CHAIN: '31337',
      EARN_KEY: person.key,
      // Here gas costs nothing, so that whatever there is is claimed.
      EARN_COIN_PRICE: '0.000001',
      CHAIN_RPC_URL: chain.anvil.url,
    };
    const one = await startProvide({ relays: [relay.url], env });
    providers.push({ peer: /provider (12D3\w+)/.exec(one.text())![1]!, person, program: one });
  }
  const running = new Set<ChildProcess>();
  return {
    chain,
    relay,
    providers,
    asker,
    seller,
    spender,
    async call(given) {
      const { fetch, signer } = given ?? {
        fetch: globalThis.fetch,
        signer: privateKeyToAccount((await chain.person(1_000_000n)).key),
      };
      const scheme = new ExactEvmScheme(signer);
      const client = x402Client.fromConfig({
        schemes: [{ network: 'eip155:31337', client: scheme }],
        spendControls: false,
      });
      return wrapFetchWithPayment(fetch, client)(`${relay.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': '198.51.100.7' },
        body: JSON.stringify({
          model: 'tabloom-demo',
          max_tokens: 200,
          messages: [{ role: 'user', content: 'Tell me a story about the sea.' }],
        }),
      });
    },
    async booked() {
      const db = await openDatabase({ file: join(data, 'ledger.db') });
      try {
        return [...(await bookedOf(db)).values()].reduce((sum, units) => sum + units, 0n) / 100n;
      } finally {
        await db.destroy();
      }
    },
    async run(command, onTold = () => undefined, provider) {
      const args = [program, command, folder, address, chain.anvil.url, asker.key, ...(provider ? [provider] : [])];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      running.add(child);
      const told: Told[] = [];
      const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
      for await (const line of createInterface({ input: child.stdout! })) {
        const one = JSON.parse(line) as Told;
        told.push(one);
        onTold(one, () => child.kill('SIGKILL'));
      }
      await gone;
      running.delete(child);
      return told;
    },
    async dispose() {
      for (const child of running) child.kill('SIGKILL');
      for (const { program: one } of providers) await one.dispose();
      await relay.dispose();
      await chain.stop();
      for (const one of [folder, data]) await rm(one, { recursive: true, force: true });
    },
  };
}
