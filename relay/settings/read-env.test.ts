import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { readEnv } from './read-env.ts';

const readRelay = (variables: Parameters<typeof readEnv>[1]) => readEnv('relay', variables);
const readProvide = (variables: Parameters<typeof readEnv>[1]) => readEnv('provide', variables);
const RELAYS = 'ws://localhost:8080';

const failure = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return { code: errorCode(error), message: error instanceof Error ? error.message : '' };
  }
  throw new Error('nothing was thrown');
};

describe('environment', () => {
  test('nothing set', () => {
    expect(readRelay({ PORT: '', HOME: '/root' })).toEqual({
      PORT: 8080,
      CHAIN_PORT: 8545,
      GATEWAYS: 0,
      SPEND_CHAIN: 8453,
      SPEND_DEPOSITS_MAX: 20_000_000n,
      SPEND_IN: 1_000_000n,
      SPEND_JOB_MAX: 250_000n,
      SPEND_MARGIN: 10,
      SPEND_OUT: 4_000_000n,
      SPEND_OWNER: 'no',
      AUDIT_SUBSIDY: 0n,
      SPEND_PROVIDER_MAX: 5_000_000n,
      SPONSOR_FEE_MIN: 0n,
      SPONSOR_LOSSES_PER_DAY: 20,
      HOST: '127.0.0.1',
      DATA_DIR: expect.stringMatching(/^\/.*data$/),
      ALLOWED_HOSTS: [],
      ALLOWED_ORIGINS: [],
      TRUSTED_PROXIES: [],
      CONNECTIONS_PER_ADDRESS: 256,
      JOBS_PER_ADDRESS: 64,
      LOG_LEVEL: 'warn',
      SHUTDOWN_SECONDS: 10,
      NATIVE: 'on',
      API_KEYS: 'optional',
      CREDITS_CHAIN: 8453,
      EARN_CHAIN: 8453,
      EARN_COIN_PRICE: 4_000_000_000n,
      EARN_DEPOSIT_MIN: 500_000n,
      JOBS_PER_KEY: 64,
      LEDGER_DAYS: 90,
      LISTINGS: [],
      REQUESTS_PER_MINUTE: 600,
      TOKENS_PER_MINUTE: 1_000_000,
      REQUESTS_PER_MINUTE_TOTAL: 12_000,
      RELAYS: [],
      NATIVE_SERVER: [],
      HARDWARE_CARD: 'on',
      NATIVE_SERVER_KIND: 'detect',
      NATIVE_MODELS: [],
      NATIVE_EMBEDDING_MODELS: [],
      NATIVE_FEATURES: ['probe'],
      NATIVE_SLOTS: 8,
      NATIVE_RESERVE: 0,
      OWNER_PEERS: [],
      AUDIT_VALIDATORS: [],
      AUDIT_SHARE: 1_000_000,
      AUDIT_PACE: 1,
      COURT_CHAIN: 8453,
      BEACON: 'drand',
      BEACON_CHAIN: 8453,
      BEACON_CONFIRMATIONS: 64,
      BEACON_RPC_URLS: [],
      BEACON_URLS: [new URL('https://api.drand.sh'), new URL('https://drand.cloudflare.com')],
    });
  });
  test('validators with and without the class of their engine', () => {
    const [one, two] = [1, 2].map((number) => createSigner(new Uint8Array(32).fill(number)).peer);
    const AUDIT_VALIDATORS = `${one}, ${two}=llama native-cpu`;
    const variables = { RELAYS, AUDIT_VALIDATORS, AUDIT_SHARE: '0.5' };
    expect(readEnv('validate', variables)).toMatchObject({
      AUDIT_VALIDATORS: [
        { peer: one, engineClass: '' },
        { peer: two, engineClass: 'llama native-cpu' },
      ],
      AUDIT_SHARE: 5_000,
    });
    for (const wrong of [
      { AUDIT_VALIDATORS: '' },
      { AUDIT_VALIDATORS: 'somebody' },
      { AUDIT_SHARE: '101' },
      { AUDIT_SHARE: '0.00001' },
      { AUDIT_PACE: '0.5' },
      { AUDIT_PACE: '1000' },
      { BEACON_URLS: 'api.drand.sh' },
      { BEACON: 'dice' },
      { BEACON_CHAIN: '0' },
      { BEACON_CONFIRMATIONS: '0' },
      { BEACON_CONFIRMATIONS: '1001' },
      { BEACON_RPC_URLS: 'rpc.example' },
    ])
      expect(failure(() => readEnv('validate', { ...variables, ...wrong })).code).toBe('bad-setting');
  });
  test('a model server, its address completed', () => {
    const env = readRelay({ NATIVE_SERVER: 'http://127.0.0.1:8000/v1', NATIVE_MODELS: 'a, b/c:7b' });
    expect(env).toMatchObject({ NATIVE_SERVER: ['http://127.0.0.1:8000/v1/'], NATIVE_MODELS: ['a', 'b/c:7b'] });
  });
  test('what the models of a server are for and can do', () => {
    const env = readRelay({
      NATIVE_SERVER: 'http://127.0.0.1:8000/v1',
      NATIVE_EMBEDDING_MODELS: 'e',
      NATIVE_FEATURES: 'tools, vision',
    });
    expect(env).toMatchObject({
      NATIVE_MODELS: [],
      NATIVE_EMBEDDING_MODELS: ['e'],
      NATIVE_FEATURES: ['tools', 'vision'],
    });
  });
  test('a server named by its host alone has its API at /v1', () => {
    expect(readRelay({ NATIVE_SERVER: 'http://localhost:11434, http://localhost/api' }).NATIVE_SERVER).toEqual([
      'http://localhost:11434/v1/',
      'http://localhost/api/',
    ]);
  });
  test('proxies are networks or addresses, and nothing else', () => {
    expect(readRelay({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1']);
    const { code, message } = failure(() => readRelay({ TRUSTED_PROXIES: '10.0.0.0/8,nginx' }));
    expect({ code, message }).toEqual({
      code: 'bad-setting',
      message: expect.stringContaining('"nginx" is no network'),
    });
  });
  test('what is written plainly is read', () => {
    const env = readRelay({ PORT: '0', SHUTDOWN_SECONDS: '0.5', PUBLIC_URL: 'https://Relay.example:8443/' });
    expect(env).toMatchObject({ PORT: 0, SHUTDOWN_SECONDS: 0.5 });
    expect(env.PUBLIC_URL?.href).toBe('https://relay.example:8443/');
  });
  test('lists are split and trimmed, origins put into their serialised form', () => {
    const env = readRelay({
      ALLOWED_HOSTS: 'a.example, b.example,',
      ALLOWED_ORIGINS: 'https://A.example:443/, http://b:81',
    });
    expect(env.ALLOWED_HOSTS).toEqual(['a.example', 'b.example']);
    expect(env.ALLOWED_ORIGINS).toEqual(['https://a.example', 'http://b:81']);
  });
  test('B6: origins of apps and extensions are taken as their browsers send them', () => {
    const origins = [
      'app://obsidian.md',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'moz-extension://3f1b2c4d-0000-4000-8000-000000000000',
      'vscode-webview://1a2b3c',
      'tauri://localhost',
      'capacitor://localhost:80',
    ];
    const ALLOWED_ORIGINS = `${origins.join(',')},APP://Name/`;
    expect(readRelay({ ALLOWED_ORIGINS }).ALLOWED_ORIGINS).toEqual([...origins, 'app://Name']);
  });
  test.each([
    { PORT: 'eighty' },
    { PORT: '70000' },
    { PORT: '-1' },
    { PORT: ' ' },
    { PORT: '0x50' },
    { PORT: '8e3' },
    { SHUTDOWN_SECONDS: ' ' },
    { SHUTDOWN_SECONDS: '601' },
    { PUBLIC_URL: 'relay.example' },
    { PUBLIC_URL: 'ftp://relay.example' },
    { PUBLIC_URL: 'https://relay.example/tabloom' },
    { ALLOWED_HOSTS: 'https://a.example' },
    { ALLOWED_ORIGINS: '*' },
    { ALLOWED_ORIGINS: 'null' },
    { ALLOWED_ORIGINS: 'file://' },
    { ALLOWED_ORIGINS: 'file://host' },
    { ALLOWED_ORIGINS: 'app://' },
    { ALLOWED_ORIGINS: 'app://*' },
    { ALLOWED_ORIGINS: 'app://name/path' },
    { ALLOWED_ORIGINS: 'https://' },
    { ALLOWED_ORIGINS: 'https://a.example/path' },
    { ALLOWED_ORIGINS: 'https://a.example/?x' },
    { ALLOWED_ORIGINS: 'https://me:secret@a.example' },
    { LOG_LEVEL: 'loud' },
    { LOG_LEVEL: 'debug' },
    { CONNECTIONS_PER_ADDRESS: '0' },
    { NATIVE: 'maybe' },
    { API_KEYS: 'on' },
    { REDIS_URL: 'localhost:6379' },
    { REQUESTS_PER_MINUTE: '0' },
    { DATABASE_URL: 'mysql://a/b' },
    { NATIVE_SERVER: 'gpu-box:8000' },
    { NATIVE_SERVER: 'http://169.254.169.254/v1' },
    { NATIVE_SERVER_KIND: 'tgi' },
    { NATIVE_FEATURES: 'tools,telepathy' },
    { NATIVE_CONTEXT_TOKENS: '0' },
    { NATIVE_SLOTS: '1.5' },
    { NATIVE_RESERVE: '-1' },
    { OWNER_PEERS: 'me' },
  ])('%o is refused by name', (variables) => {
    const { code, message } = failure(() => readRelay(variables));
    expect(code).toBe('bad-setting');
    expect(message).toContain(Object.keys(variables)[0]);
  });
  test.each([
    { DATABASE_URL: 'mysql://user:secret-word@db/name' },
    { REDIS_URL: 'http://:secret-word@host' },
    { CHAIN_RPC_URL: 'ftp://rpc.example/secret-word' },
    { METRICS_TOKEN: 'secret-word' },
  ])('what may be secret is not repeated: %o', (variables) => {
    const { code, message } = failure(() => readRelay(variables));
    expect(code).toBe('bad-setting');
    expect(message).toMatch(new RegExp(`^${Object.keys(variables)[0]} cannot be used: `));
    expect(message).not.toContain('secret-word');
  });
});

describe('of provide', () => {
  test('relays are named as their pages are, or by WebSocket', () => {
    const env = readProvide({ RELAYS: 'ws://localhost:8080, wss://Relay.example,http://[::1]:80' });
    expect(env.RELAYS.map(({ origin }) => origin)).toEqual([
      'http://localhost:8080',
      'https://relay.example',
      'http://[::1]',
    ]);
    expect(env.DATA_DIR).toMatch(/\/data\/provide$/);
  });
  test('without a relay it says how to name one', () => {
    expect(failure(() => readProvide({}))).toEqual({
      code: 'bad-setting',
      message: 'RELAYS is missing: name at least one relay, as in --relays ws://localhost:8080.',
    });
  });
  test.each([
    { RELAYS: ',' },
    { RELAYS: 'relay.example' },
    { RELAYS: 'ftp://relay.example' },
    { RELAYS: 'ws://relay.example/path' },
    { RELAYS: 'ws://me:secret@relay.example' },
    { RELAYS: Array.from({ length: 17 }, (_, i) => `ws://relay${i}.example`).join(',') },
    { DIRECT_PORT: '65536', RELAYS },
  ])('%o is refused by name', (variables) => {
    const { code, message } = failure(() => readProvide(variables));
    expect(code).toBe('bad-setting');
    expect(message).toContain(Object.keys(variables)[0]);
  });
});
