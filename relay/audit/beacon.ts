import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import { agreedBlocks } from '#lib/trust/agreed-blocks.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import { blockPeriodSeconds, createBlockBeacon } from '#lib/trust/block-beacon.ts';
import { blockServer } from '#lib/trust/block-server.ts';
import { createDrandBeacon, quicknet, type DrandChain } from '#lib/trust/drand.ts';
import { drandServer } from '#lib/trust/drand-server.ts';
import type { AuditEnv } from '../settings/auditing.ts';

export interface BeaconEnv extends Pick<
  AuditEnv,
  'BEACON' | 'BEACON_URLS' | 'BEACON_FILE' | 'BEACON_CHAIN' | 'BEACON_CONFIRMATIONS' | 'BEACON_RPC_URLS'
> {
  readonly CHAIN_RPC_URL?: string | undefined;
}

interface BeaconComponents {
  readonly env: BeaconEnv;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

/** The public beacon, that of a file, or the blocks of a chain. @throws `bad-setting`. */
export async function openBeacon({ env, fetch, clock }: BeaconComponents): Promise<Beacon> {
  if (env.BEACON === 'blocks') return openBlocks({ env, fetch, clock });
  const chain = (await ownBeaconChain(env)) ?? quicknet;
  const sources = env.BEACON_URLS.map((url) => drandServer(chain, url, { fetch, clock }));
  return createDrandBeacon({ chain, sources, clock });
}

/** Asks for no more than blocks: what signs and sends on a chain takes long to load. */
function openBlocks({ env, fetch, clock }: BeaconComponents): Beacon {
  const { BEACON_CHAIN: chain, BEACON_CONFIRMATIONS: confirmations, BEACON_RPC_URLS: named, CHAIN_RPC_URL } = env;
  const urls = named.length > 0 ? named : CHAIN_RPC_URL === undefined ? [] : [CHAIN_RPC_URL];
  if (urls.length === 0) {
    throw new TabloomError(
      'bad-setting',
      'BEACON is blocks, and no server of their chain is named. Name some in BEACON_RPC_URLS, or one in CHAIN_RPC_URL.',
    );
  }
  const servers = [...new Set(urls)].map((url) => blockServer(chain, url, { fetch, clock }));
  const blocks = agreedBlocks(servers);
  return createBlockBeacon({ chain, confirmations, periodSeconds: blockPeriodSeconds, blocks, clock });
}

/** The chain that a file names; undefined where it is the public one. @throws `bad-setting`. */
export const ownBeaconChain = async ({ BEACON_FILE: file }: Pick<AuditEnv, 'BEACON_FILE'>) =>
  file === undefined ? undefined : readChain(file);

const chainSchema = z.strictObject({
  id: hashSchema,
  publicKey: z.string().regex(/^[0-9a-f]{192}$/, 'it has 192 hexadecimal digits'),
  genesis: z
    .number()
    .int()
    .min(1)
    .max(2 ** 40),
  periodSeconds: z.number().int().min(1).max(86_400),
});

async function readChain(path: string): Promise<DrandChain> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new TabloomError('bad-setting', `BEACON_FILE ${path} cannot be read as JSON. Correct the path or the file.`, {
      cause,
    });
  }
  const parsed = chainSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TabloomError(
    'bad-setting',
    `BEACON_FILE ${path}: ${issue!.path.join('.') || 'the file'}: ${issue!.message}.`,
  );
}
