import { z } from 'zod';
import type { WorkerConditions } from '#lib/market/spec.ts';
import { peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { badRequest } from './errors.ts';
import { isDefault, type RequestWarning } from './parameters.ts';
import { parseMember } from './request.ts';

/** What OpenRouter's `provider` object asks for, where a provider is a peer, named by its id. */
export interface ProviderTerms {
  readonly conditions: WorkerConditions & { readonly order?: readonly PeerId[] | undefined };
  /** `require_parameters`: a parameter without effect is refused, not reported as ignored. */
  readonly ignoredParameters: 'reported' | 'refused';
  readonly warnings: readonly RequestWarning[];
}

const flag = z.boolean({ error: 'must be true or false' }).nullish();
const names = z
  .array(z.string(), { error: 'must be a list of peer ids' })
  .max(64, { error: 'must name at most 64 peers' })
  .nullish();
const dollars = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}(\.\d{1,12})?$/)
        .transform(Number),
    ],
    {
      error: 'must be a price in US dollars',
    },
  )
  .pipe(z.number().min(0, { error: 'must not be negative' }).max(1e9, { error: 'must be at most 1000000000' }))
  .nullish();

const providerSchema = z.looseObject({
  order: names,
  only: names,
  ignore: names,
  allow_fallbacks: flag,
  require_parameters: flag,
  data_collection: z.enum(['allow', 'deny'], { error: 'must be "allow" or "deny"' }).nullish(),
  quantizations: z
    .array(z.string().max(limits.quantisationLengthMax), { error: 'must be a list of quantisations, such as int8' })
    .max(16, { error: 'must name at most 16 quantisations' })
    .nullish(),
  max_price: z
    .looseObject(
      { prompt: dollars, completion: dollars, request: dollars, image: dollars, audio: dollars },
      { error: 'must be an object of prices in US dollars' },
    )
    .nullish(),
  sort: z.union([z.string(), z.looseObject({})], { error: 'must be a word or an object' }).nullish(),
});

export const providerTermsSchema = providerSchema.nullish();

/** Wishes about the ranking. It goes by measured time first and by price second, whatever is asked. */
const softWishes = new Set(['sort', 'preferred_min_throughput', 'preferred_max_latency']);

/** OpenRouter's words for the forms of weights, and those of the files that peers serve. */
const formsOf: Readonly<Record<string, readonly string[]>> = {
  int4: ['q4_0', 'q4_1', 'q4_k_s', 'q4_k_m', 'iq4_nl', 'iq4_xs', 'q4f16_1', 'q4f32_1', 'q4f16_0', 'q4f32_0'],
  fp4: ['mxfp4', 'nvfp4'],
  fp6: [],
  int8: ['q8_0', 'q8f16_1', 'q8f32_1'],
  fp8: [],
  fp16: ['f16', 'q0f16'],
  bf16: [],
  fp32: ['f32', 'q0f32'],
};

/** The highest price that an offer can name. */
const anyPrice = '9'.repeat(30);
const unitsPerDollar = 1_000_000;

/**
 * Reads the `provider` object. A condition is met or refused, never passed over; a wish about the ranking that is not
 * granted is a warning.
 * @throws `bad-request` with the member as `param`.
 */
export function readProvider(given: unknown, peers: readonly PeerId[] | undefined): ProviderTerms {
  if (given == null && peers === undefined) return noTerms;
  const provider = parseMember(providerTermsSchema, given, 'provider') ?? {};
  for (const [name, value] of Object.entries(provider)) {
    if (Object.hasOwn(providerSchema.shape, name) || softWishes.has(name) || isDefault(value)) continue;
    throw unsupported(name, 'This network cannot guarantee it');
  }
  if (provider.data_collection === 'deny') {
    throw unsupported('data_collection', 'A peer of the open tier reads what it answers and may keep it');
  }
  const order = readOrder(provider);
  const only = readOnly(provider, order.peers, peers);
  const wishes = Object.keys(provider).filter((name) => softWishes.has(name) && !isDefault(provider[name]));
  return {
    conditions: {
      ...(order.peers.length > 0 ? { order: order.peers } : {}),
      ...(only ? { only } : {}),
      // A name that is no peer id has no peer behind it, and is ignored by itself.
      ...(provider.ignore?.length ? { ignore: provider.ignore.filter(isPeerId) } : {}),
      ...(provider.quantizations?.length ? { quantisations: provider.quantizations.flatMap(readForm) } : {}),
      ...(provider.max_price ? { priceMax: readPriceMax(provider.max_price) } : {}),
    },
    ignoredParameters: provider.require_parameters === true ? 'refused' : 'reported',
    warnings: [...order.warnings, ...wishes.map(ungranted)],
  };
}

const noTerms: ProviderTerms = { conditions: {}, ignoredParameters: 'reported', warnings: [] };

type Provider = z.output<typeof providerSchema>;

const isPeerId = (name: string): boolean => peerIdSchema.safeParse(name).success;

const unsupported = (name: string, why: string) =>
  badRequest(
    `"provider.${name.slice(0, 64)}" is not supported. ${why}. Leave it out.`,
    `provider.${name.slice(0, 64)}`,
  );

const ungranted = (name: string): RequestWarning => ({
  code: 'parameter-ignored',
  param: `provider.${name}`,
  message: `"provider.${name}" has no effect: workers are ranked by the expected time of the answer, then by price.`,
});

function readOrder({ order, allow_fallbacks: fallbacks, only }: Provider) {
  const named = order ?? [];
  const peers = named.filter(isPeerId);
  const unknown = named.find((name) => !isPeerId(name));
  if (fallbacks === false && named.length === 0 && (only?.length ?? 0) !== 1) {
    throw badRequest('"provider.allow_fallbacks": false needs peers in "provider.order".', 'provider.allow_fallbacks');
  }
  if (unknown !== undefined && (fallbacks === false || peers.length === 0)) throw notAPeer('order', unknown);
  const message = `"${unknown?.slice(0, 64) ?? ''}" is not a peer id, so it is passed over. GET /v1/network lists the peers.`;
  const warning: RequestWarning = { code: 'parameter-ignored', param: 'provider.order', message };
  return { peers, warnings: unknown === undefined ? [] : [warning] };
}

/** The peers allowed by `only`, by `tabloom.peers`, and by an `order` without fallbacks, all together. */
function readOnly(
  { only, allow_fallbacks: fallbacks }: Provider,
  order: readonly PeerId[],
  peers: readonly PeerId[] | undefined,
): readonly PeerId[] | undefined {
  const unknown = only?.find((name) => !isPeerId(name));
  if (unknown !== undefined) throw notAPeer('only', unknown);
  const lists = [peers, only?.length ? only : undefined, fallbacks === false && order.length > 0 ? order : undefined];
  const demanded = lists.filter((list) => list !== undefined);
  if (demanded.length === 0) return undefined;
  const allowed = demanded.reduce((left, list) => left.filter((peer) => list.includes(peer)));
  if (allowed.length > 0) return allowed;
  throw badRequest('"provider" and "tabloom.peers" allow no peer in common.', 'provider.only');
}

const notAPeer = (member: string, name: string) =>
  badRequest(
    `"provider.${member}" names "${name.slice(0, 64)}", which is not a peer id. GET /v1/network lists the peers.`,
    `provider.${member}`,
  );

function readForm(form: string): readonly string[] {
  const name = form.toLowerCase();
  return [name, ...(Object.hasOwn(formsOf, name) ? formsOf[name]! : [])];
}

/** Dollars per million tokens, as smallest units. Peers ask nothing per request, picture or second of sound. */
function readPriceMax({ prompt, completion }: NonNullable<Provider['max_price']>) {
  const units = (dollarsMax: number | null | undefined) =>
    dollarsMax == null ? anyPrice : BigInt(Math.floor(dollarsMax * unitsPerDollar)).toString();
  return { in: units(prompt), out: units(completion) };
}
