import { z } from 'zod';
import type { Settings } from './setting.ts';
import { count, decimal, list, networks, origin, port, serverOf, site } from './values.ts';

/** Gateway workers of one relay. */
const gatewaysMax = 64;

/** Of the one port of a relay, and of who may use it. */
export const portSettings = {
  PORT: {
    schema: port.default(8080),
    meaning: 'The one port; `0` takes a free one and prints it.',
    flag: { name: 'port', argument: 'number', help: 'the port; 0 picks a free one' },
  },
  HOST: {
    schema: z.string().min(1).default('127.0.0.1'),
    meaning: 'The address to listen on. `0.0.0.0` or `::` for every network of the machine.',
    flag: { name: 'host', argument: 'address', help: 'the address to listen on; 0.0.0.0 for all' },
  },
  PUBLIC_URL: {
    schema: site.optional(),
    meaning: 'The public address of this relay (`https://relay.example`), if it is behind a proxy.',
  },
  ALLOWED_HOSTS: {
    schema: list
      .pipe(z.array(z.string().regex(/^[a-z0-9.-]+$/i, 'a host is a name or an address without port')))
      .default([]),
    meaning: 'Additional host names of this relay, separated by commas, without ports.',
  },
  ALLOWED_ORIGINS: {
    schema: list.pipe(z.array(origin)).default([]),
    meaning:
      'Origins of other sites, apps and extensions (`https://app.example`, `app://obsidian.md`, `chrome-extension://…`) that may use the gateway and the network, separated by commas. There is no wildcard.',
  },
  TRUSTED_PROXIES: {
    schema: networks.default([]),
    meaning:
      'Networks and addresses (`10.0.0.0/8`, `127.0.0.1`) of proxies whose `X-Forwarded-For` is trusted, separated by commas.',
  },
  NATIVE: {
    schema: z.enum(['on', 'off']).default('on'),
    meaning: '`off`: this relay runs no model.',
    flag: { name: 'no-native', value: 'off', help: 'run no model on this machine; only peers answer' },
  },
  GATEWAYS: {
    schema: decimal.pipe(z.number().int().max(gatewaysMax)).default(0),
    meaning:
      'Processes that answer requests for jobs, at most 64, about one for each core to be used; `0`: the relay answers them itself. Needs `DATABASE_URL` and `REDIS_URL`. See [Gateway workers](#gateway-workers).',
    flag: { name: 'gateways', argument: 'number', help: 'processes that answer requests for jobs' },
  },
  METRICS_TOKEN: {
    schema: z.string().min(16, 'it needs at least 16 characters').optional(),
    secret: true,
    meaning:
      'A token, at least 16 characters, with which other machines may read `/metrics`, as `Authorization: Bearer`.',
  },
} as const satisfies Settings;

const placesMax = decimal.pipe(z.number().int().min(1).max(10_000));

/** How much one address, one key and all together may use. */
export const limitSettings = {
  LISTINGS: {
    schema: list.default([]),
    meaning:
      'Files of signed listings, as `check-model` writes them, separated by commas: models that somebody has checked, which `/v1/models` says (`listed`). Those of the catalogue are listed anyway.',
  },
  CONNECTIONS_PER_ADDRESS: {
    schema: placesMax.default(256),
    meaning:
      'Connections to the network from one address (IPv4, or the /64 of IPv6); a /24 or /48 may have four times as many. Further ones are refused with 429.',
  },
  JOBS_PER_ADDRESS: {
    schema: placesMax.default(64),
    meaning:
      "Concurrent answers of the gateway for one address, of 256 in all; a /24 or /48 may have four times as many. Further requests get 429. Programs on the relay's own machine are not limited.",
  },
  API_KEYS: {
    schema: z.enum(['optional', 'required']).default('optional'),
    meaning: '`required`: jobs from other machines need a key.',
  },
  JOBS_PER_KEY: {
    schema: placesMax.default(64),
    meaning:
      'Concurrent answers of the gateway for one key. Strangers together leave a quarter of the 256 to keys, keys an eighth to strangers.',
  },
  REQUESTS_PER_MINUTE: {
    schema: count.default(600),
    meaning:
      'Requests per minute of one address without a key (a /64 of IPv6), and of one key that has no rate of its own.',
  },
  TOKENS_PER_MINUTE: { schema: count.default(1_000_000), meaning: 'Tokens per minute of the same.' },
  REQUESTS_PER_MINUTE_TOTAL: {
    schema: count.default(12_000),
    meaning: "Requests per minute of all of them together. Programs on the relay's own machine are not counted.",
  },
  REDIS_URL: {
    schema: serverOf(/^rediss?:$/, 'redis://:password@host:6379').optional(),
    secret: true,
    meaning:
      'A Redis or Valkey server (`redis://:password@host:6379`) in which several relays count together. Without one, and while it cannot be reached, each counts in its memory.',
  },
} as const satisfies Settings;
