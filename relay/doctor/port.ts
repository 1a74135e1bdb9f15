import { createServer, connect } from 'node:net';
import { dialAddress, localUrl } from '../address.ts';
import { causeOf, fail, ok, type Check, type Outcome } from './finding.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';
import { healthOf, relayInfoOf } from './relay-answers.ts';

export interface PortInput {
  readonly host: string;
  readonly port: number;
  readonly fetch: Fetch;
}

/** A relay of ours that already serves on the port. */
export interface ServingRelay {
  readonly peer: string;
}

type PortOutcome = Outcome & { readonly relay?: ServingRelay };

/** The port of a relay: free, held by a relay of ours, or taken by something else. */
export function checkPort(input: PortInput): {
  readonly check: Check;
  readonly serving: (signal: AbortSignal) => Promise<ServingRelay | undefined>;
} {
  let looked: Promise<PortOutcome> | undefined;
  const look = (signal: AbortSignal) => (looked ??= lookAtPort(input, signal));
  return {
    check: {
      id: 'port',
      async run(signal) {
        const { relay: _, ...outcome } = await look(signal);
        return outcome;
      },
    },
    serving: async (signal) => (await look(signal)).relay,
  };
}

async function lookAtPort({ host, port, fetch }: PortInput, signal: AbortSignal): Promise<PortOutcome> {
  const bare = host.replace(/^\[|\]$/g, '');
  // A free port of the same address: the one asked for is not touched.
  const denied = await bind(bare);
  if (denied !== undefined) {
    return fail(
      `This machine cannot listen on ${host} (${denied}).`,
      'Give one of its addresses, or 0.0.0.0, with --host.',
    );
  }
  if (port === 0) return ok('Any free port.');
  const reached = /^\/ip[46]\/([^/]+)\//.exec(dialAddress(host, port))?.[1] ?? bare;
  const isTaken = await connects(reached, port, signal);
  if (!isTaken) {
    if (port < 1_024 && process.platform === 'linux' && process.getuid?.() !== 0)
      return ok(`Port ${port} is free. Below 1024 a program may need more rights to listen.`);
    return ok(`Port ${port} is free.`);
  }
  const address = new URL(localUrl(host, port));
  try {
    const [{ json }, about] = (await Promise.all(
      ['health', 'relay.json'].map((path) => readJson(fetch, new URL(path, address), signal)),
    )) as [Awaited<ReturnType<typeof readJson>>, Awaited<ReturnType<typeof readJson>>];
    const [health, info] = [healthOf(json), relayInfoOf(about.json)];
    if (health && info) {
      const what = `A relay runs on port ${port}: ${health.state}, build ${health.build}, ${health.peers} peers, ${health.offers} offers.`;
      return { ...ok(what), relay: { peer: info.peer } };
    }
  } catch {
    // Whatever it is, it is no relay.
  }
  return fail(
    `Port ${port} is taken by something that does not answer as a relay.`,
    'Stop it, or choose another with --port.',
  );
}

const bind = (host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(causeOf(error)));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(undefined)));
  });

const connects = (host: string, port: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
