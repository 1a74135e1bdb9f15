import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { envSchema, readEnv, readFlags } from './settings.ts';

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
    expect(readEnv({ PORT: '', HOME: '/root' })).toEqual({
      PORT: 8080,
      HOST: '127.0.0.1',
      DATA_DIR: expect.stringMatching(/^\/.*data$/),
      ALLOWED_HOSTS: [],
      ALLOWED_ORIGINS: [],
      TRUSTED_PROXIES: [],
      LOG_LEVEL: 'warn',
      SHUTDOWN_SECONDS: 10,
      NATIVE: 'on',
      NATIVE_SERVER_KIND: 'openai',
      NATIVE_MODELS: [],
      NATIVE_EMBEDDING_MODELS: [],
      NATIVE_FEATURES: ['probe'],
      NATIVE_CONTEXT_TOKENS: 4_096,
      NATIVE_SLOTS: 8,
    });
  });
  test('a model server, its address completed', () => {
    const env = readEnv({ NATIVE_SERVER: 'http://127.0.0.1:8000/v1', NATIVE_MODELS: 'a, b/c:7b' });
    expect(env).toMatchObject({ NATIVE_SERVER: 'http://127.0.0.1:8000/v1/', NATIVE_MODELS: ['a', 'b/c:7b'] });
  });
  test('what the models of a server are for and can do', () => {
    const env = readEnv({
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
  test('a server without a name of a model is refused', () => {
    const { code, message } = failure(() => readEnv({ NATIVE_SERVER: 'http://127.0.0.1:8000/v1' }));
    expect({ code, message }).toEqual({ code: 'bad-setting', message: expect.stringContaining('NATIVE_MODELS') });
  });
  test('proxies are networks or addresses, and nothing else', () => {
    expect(readEnv({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1']);
    const { code, message } = failure(() => readEnv({ TRUSTED_PROXIES: '10.0.0.0/8,nginx' }));
    expect({ code, message }).toEqual({
      code: 'bad-setting',
      message: expect.stringContaining('"nginx" is no network'),
    });
  });
  test('what is written plainly is read', () => {
    const env = readEnv({ PORT: '0', SHUTDOWN_SECONDS: '0.5', PUBLIC_URL: 'https://Relay.example:8443/' });
    expect(env).toMatchObject({ PORT: 0, SHUTDOWN_SECONDS: 0.5 });
    expect(env.PUBLIC_URL?.href).toBe('https://relay.example:8443/');
  });
  test('lists are split and trimmed, origins put into their serialised form', () => {
    const env = readEnv({
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
    expect(readEnv({ ALLOWED_ORIGINS }).ALLOWED_ORIGINS).toEqual([...origins, 'app://Name']);
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
    { NATIVE: 'maybe' },
    { NATIVE_SERVER: 'gpu-box:8000' },
    { NATIVE_SERVER: 'http://169.254.169.254/v1' },
    { NATIVE_SERVER_KIND: 'tgi' },
    { NATIVE_FEATURES: 'tools,telepathy' },
    { NATIVE_CONTEXT_TOKENS: '0' },
    { NATIVE_SLOTS: '1.5' },
  ])('%o is refused by name', (variables) => {
    const { code, message } = failure(() => readEnv(variables));
    expect(code).toBe('bad-setting');
    expect(message).toContain(Object.keys(variables)[0]);
  });
  test('every variable has a row in the operating manual, and no row is left over', () => {
    const manual = readFileSync(new URL('../docs/OPERATING.md', import.meta.url), 'utf8');
    const rows = [...manual.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1]!);
    expect(rows.sort()).toEqual(Object.keys(envSchema.shape).sort());
  });
});

describe('flags', () => {
  test('stand for variables', () => {
    expect(readFlags(['--port', '9', '--host=0.0.0.0', '--no-native', '--open'])).toEqual({
      help: false,
      open: true,
      variables: { PORT: '9', HOST: '0.0.0.0', NATIVE: 'off' },
    });
    expect(readFlags([])).toEqual({ help: false, open: false, variables: {} });
  });
  test.each([['--prot'], ['--port'], ['8080'], ['--native']])('%s is refused', (flag) => {
    expect(failure(() => readFlags([flag]))).toMatchObject({
      code: 'bad-flag',
      message: expect.stringMatching(/--help/),
    });
  });
});
