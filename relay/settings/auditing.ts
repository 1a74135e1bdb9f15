import { z } from 'zod';
import { peerIdSchema } from '#lib/protocol/ids.ts';
import { auditValidatorsMax, confirmationsMax } from '#lib/protocol/relay-info.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { EnvOf, Settings } from './setting.ts';
import { count, decimal, list, path, percent, serverOf, site } from './values.ts';

export type AuditEnv = EnvOf<typeof auditSettings>;

/** A peer, and the class of its engine where that is said: `12D3KooW…=llama native-cpu`. */
const validator = z.string().transform((text, context) => {
  const [id = '', engineClass = ''] = text.split('=', 2);
  const peer = peerIdSchema.safeParse(id.trim());
  if (peer.success && engineClass.length <= 2 * limits.wordLengthMax + 1)
    return { peer: peer.data, engineClass: engineClass.trim() };
  context.addIssue(
    `"${text}" is no validator; write its peer id, and after it its engine, as in 12D3KooW…=llama native-cpu`,
  );
  return z.NEVER;
});

const validators = {
  meaning:
    'The validators of the network, at most 64, separated by commas: a peer id, with the class of its engine after it where that is known (`12D3KooW…=llama native-cpu`). All who follow audits have to name the same. A relay that is given them keeps a record of audits, `provide` commits to its receipts each hour so that they can be audited, and `validate` judges where it is one of them. See [Audits](#audits).',
  flag: { name: 'validators', argument: 'peers', help: 'the validators of the network, by commas' },
} as const;
const validatorList = list.pipe(z.array(validator).max(auditValidatorsMax));

/** What all who follow audits have to agree on, but for the servers that they ask. */
export const auditSettings = {
  AUDIT_VALIDATORS: { ...validators, schema: validatorList.default([]) },
  AUDIT_SHARE: {
    schema: percent.default(1_000_000),
    standard: '`100`',
    meaning:
      'How many canaries of workers that are known are audited, in percent; at most four decimals. About one answer in fifty is one, so that with all of them two percent of answers are re-scored. Below 25, a newcomer’s share is 25, and halves with the answers that have passed. The same in the whole network.',
  },
  AUDIT_PACE: {
    schema: decimal.pipe(z.number().min(1).max(360)).default(1),
    meaning:
      "How many times as fast as in a network of strangers audits and what follows them go, from 1 to 360: at 180 an epoch's hour is 20 seconds. The same in the whole network. To see audits at work, in a network of its own; tabs take no part in such a one.",
  },
  AUDIT_CALIBRATIONS: {
    schema: path.optional(),
    standard: 'of the bundled model',
    meaning:
      'A JSON file of how far the margins of honest answers go, by model, engine, build and class of device, as relays have learned it (`learned` in `GET /v1/audits`): with it panels find what they do not see without. It replaces what Tabloom has measured with the bundled model; `[]` in it judges without. The same in the whole network. See [Audits](#audits).',
  },
  BEACON: {
    schema: z.enum(['drand', 'blocks']).default('drand'),
    meaning:
      "What picks the answers that are audited: drand's public beacon, or the hashes of a chain's `blocks`, which are believed as its servers tell them. The same in the whole network. See [Audits](#audits).",
  },
  BEACON_CHAIN: {
    schema: decimal.pipe(z.number().int().min(1)).default(8453),
    meaning: 'The chain of those blocks, by its number; the same in the whole network. `CHAIN` stands for it too.',
  },
  BEACON_CONFIRMATIONS: {
    schema: count.pipe(z.number().max(confirmationsMax)).default(64),
    meaning:
      'Blocks on top of the one whose hash is taken, so that no reorganisation changes it; at most 1,000, and the same in the whole network. A panel is drawn within five minutes of its accusation: this many blocks and a minute have to fit.',
  },
  BEACON_RPC_URLS: {
    schema: list.pipe(z.array(serverOf(/^https?:$/, 'https://rpc.example')).max(8)).default([]),
    secret: true,
    meaning:
      'JSON-RPC servers of that chain, of several operators: more than half of them have to tell the same block. Only `CHAIN_RPC_URL` where none are named.',
  },
  BEACON_URLS: {
    schema: list.pipe(z.array(site).min(1).max(8)).prefault('https://api.drand.sh,https://drand.cloudflare.com'),
    standard: '`https://api.drand.sh`, `https://drand.cloudflare.com`',
    meaning:
      "Servers of the public beacon, asked one after the other over drand's HTTP interface; what they say is checked. Asked only where validators are named.",
  },
  BEACON_FILE: {
    schema: path.optional(),
    meaning:
      "A JSON file with a chain of the same scheme in place of drand's quicknet: `id`, `publicKey`, `genesis` and `periodSeconds`. For a network of its own.",
  },
} as const satisfies Settings;

/** Of the command that does nothing else. */
export const validatorSettings = {
  ...auditSettings,
  AUDIT_VALIDATORS: {
    ...validators,
    schema: z
      .string({ error: 'name the validators of the network, this one among them, as in --validators 12D3KooW…' })
      .pipe(validatorList)
      .pipe(z.array(z.custom<z.output<typeof validator>>()).min(1)),
  },
} as const satisfies Settings;
