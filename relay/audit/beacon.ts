import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import type { Beacon } from '#lib/trust/beacon.ts';
import { createDrandBeacon, quicknet, type DrandChain } from '#lib/trust/drand.ts';
import { drandServer } from '#lib/trust/drand-server.ts';
import type { AuditEnv } from '../settings/auditing.ts';

interface BeaconComponents {
  readonly env: Pick<AuditEnv, 'BEACON_URLS' | 'BEACON_FILE'>;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

/** The public beacon, or that of a file. @throws `bad-setting`. */
export async function openBeacon({ env, fetch, clock }: BeaconComponents): Promise<Beacon> {
  const chain = (await ownBeaconChain(env)) ?? quicknet;
  const sources = env.BEACON_URLS.map((url) => drandServer(chain, url, { fetch, clock }));
  return createDrandBeacon({ chain, sources, clock });
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
