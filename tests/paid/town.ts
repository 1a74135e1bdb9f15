import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
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

/** A chain, a relay, two providers with a price, and an asker, all of them processes that can be killed. */
export interface Town {
  readonly chain: LocalChain;
  readonly relay: RelayProcess;
  readonly providers: readonly Provider[];
  readonly asker: Person;
  /** Runs the asker once; `onTold` may kill it, or somebody else. Resolves with what it told when it is gone. */
  run(command: 'ask' | 'leave' | 'withdraw', onTold?: (told: Told, kill: () => void) => void): Promise<readonly Told[]>;
  dispose(): Promise<void>;
}

/** What the asker has in its wallet at first, in units. */
export const funds = 20_000_000n;

export async function startTown(): Promise<Town> {
  const chain = await startLocalChain();
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-paid-'));
  const relay = await startRelay({ native: 'no-native' });
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
    async run(command, onTold = () => undefined) {
      const child = spawn(process.execPath, [program, command, folder, address, chain.anvil.url, asker.key], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
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
      await rm(folder, { recursive: true, force: true });
    },
  };
}
