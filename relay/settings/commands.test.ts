import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { commandNames, commands } from './commands.ts';
import { helpOf } from './help.ts';
import { withManual } from './manual.ts';
import { needsPages, parseCommand } from './parse-command.ts';
import { standardOf, type Settings } from './setting.ts';

const failure = (args: readonly string[]) => {
  try {
    parseCommand(args);
  } catch (error) {
    return { code: errorCode(error), message: error instanceof Error ? error.message : '' };
  }
  throw new Error('nothing was thrown');
};

test('without a command the relay starts', () => {
  const relay = { name: 'relay', switches: new Set(), variables: {} };
  expect(parseCommand([])).toEqual(relay);
  expect(parseCommand(['relay'])).toEqual(relay);
  expect(parseCommand(['--port', '9', '--host=0.0.0.0', '--no-native', '--open'])).toEqual({
    ...relay,
    switches: new Set(['open']),
    variables: { PORT: '9', HOST: '0.0.0.0', NATIVE: 'off' },
  });
});

test('provide takes its own flags', () => {
  const args = ['provide', '--relays', 'ws://a,ws://b', '--backend', 'http://localhost:11434', '--direct-port', '4002'];
  expect(parseCommand(args)).toEqual({
    name: 'provide',
    switches: new Set(),
    variables: { RELAYS: 'ws://a,ws://b', NATIVE_SERVER: 'http://localhost:11434', DIRECT_PORT: '4002' },
  });
});

test('verify takes a file without a flag, and no second one', () => {
  expect(parseCommand(['verify', 'a.json', '--json'])).toMatchObject({
    name: 'verify',
    switches: new Set(['json']),
    variables: { VERIFY_RECEIPT: 'a.json' },
  });
  expect(parseCommand(['verify']).variables).toEqual({});
  expect(failure(['verify', 'a.json', 'b.json']).code).toBe('bad-flag');
});

test('a command may have two words', () => {
  expect(parseCommand(['keys', 'create', '--publishable', '--origins', 'https://a.example'])).toMatchObject({
    name: 'keys create',
    variables: { KEY_TYPE: 'publishable', KEY_ORIGINS: 'https://a.example' },
  });
  expect(failure(['keys']).code).toBe('unknown-command');
  expect(failure(['keys', 'burn']).code).toBe('unknown-command');
  expect(failure(['keys', 'list', 'all']).code).toBe('bad-flag');
  expect(needsPages(['keys', 'list'])).toBe(false);
});

test('doctor takes the flags of the command that it looks at', () => {
  expect(parseCommand(['doctor', '--port', '9', '--json'])).toEqual({
    name: 'doctor',
    switches: new Set(['json']),
    variables: { PORT: '9' },
  });
  expect(parseCommand(['doctor', 'provide', '--relays', 'ws://a'])).toMatchObject({ name: 'doctor provide' });
  expect(failure(['doctor', '--relays']).code).toBe('bad-flag');
  expect(needsPages(['doctor'])).toBe(false);
});

test.each(['8080', 'mine', 'toString', '__proto__', 'Relay'])('the command %s does not exist', (name) => {
  const { code, message } = failure([name]);
  expect(code).toBe('unknown-command');
  for (const known of commandNames) expect(message).toContain(`\n  ${known} `);
});

test.each([
  [['--prot'], /relay --help/],
  [['--port'], /relay --help/],
  [['relay', '8080'], /relay --help/],
  [['relay', '--direct-port', '1'], /'--direct-port'.*relay --help/],
  [['provide', '--port', '1'], /'--port'.*provide --help/],
  [['provide', '--relays'], /provide --help/],
])('%j is refused', (args, message) => {
  expect(failure(args)).toEqual({ code: 'bad-flag', message: expect.stringMatching(message) });
});

test('only the relay serves pages', () => {
  expect([[], ['relay'], ['--port', '0']].map(needsPages)).toEqual([true, true, true]);
  expect([['provide'], ['--help'], ['mine'], ['--prot']].map(needsPages)).toEqual([false, false, false, false]);
});

describe.each(commandNames)('%s', (name) => {
  const settings: Settings = commands[name].settings;

  test('no two of its flags have one name', () => {
    const flags = Object.values(settings).flatMap(({ flag }) => (flag ? [flag.name] : []));
    const all = [...flags, ...Object.keys(commands[name].switches), 'help'];
    expect([...new Set(all)]).toEqual(all);
  });
  test('its help names every flag and every variable, in lines that fit a terminal', () => {
    const help = helpOf(name);
    for (const [variable, { flag }] of Object.entries(settings)) {
      expect(help).toContain(flag ? `[${variable}]` : `\n  ${variable} `);
      if (flag) expect(help).toContain(`\n  --${flag.name}`);
    }
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

test('a variable has one flag, one meaning and one secrecy in all commands that read it', () => {
  const told = new Map<string, unknown>();
  for (const name of commandNames) {
    for (const [variable, { flag, meaning, secret }] of Object.entries(commands[name].settings as Settings)) {
      const tells = { flag: flag?.name, meaning, secret };
      expect(told.get(variable) ?? tells).toEqual(tells);
      told.set(variable, tells);
    }
  }
});

test('what holds a password or a key is marked as secret', () => {
  const all = commandNames.flatMap((name) => Object.entries(commands[name].settings as Settings));
  const secret = new Set(all.filter(([, setting]) => setting.secret).map(([variable]) => variable));
  expect([...secret].sort()).toEqual([
    'BEACON_RPC_URLS',
    'CHAIN',
    'CHAIN_RPC_URL',
    'COURT_KEY',
    'CREDITS_KEY',
    'DATABASE_URL',
    'EARN_KEY',
    'HUB_KEY',
    'METRICS_TOKEN',
    'NATIVE_SERVER_KEY',
    'REDIS_URL',
    'SPEND_KEY',
    'SPONSOR_KEY',
  ]);
});

test('the default that is shown is the one that holds', () => {
  const { PORT, ALLOWED_HOSTS, NATIVE_FEATURES, NATIVE_CONTEXT_TOKENS, DATABASE_URL } = commands.relay.settings;
  expect([PORT, ALLOWED_HOSTS, NATIVE_FEATURES, NATIVE_CONTEXT_TOKENS, DATABASE_URL].map(standardOf)).toEqual([
    '`8080`',
    '—',
    '`probe`',
    'as the server says, else `4096`',
    '—',
  ]);
});

test('the tables of docs/OPERATING.md are the ones written here', () => {
  const manual = readFileSync(new URL('../../docs/OPERATING.md', import.meta.url), 'utf8');
  expect(manual === withManual(manual), 'run `npm run diagram`').toBe(true);
});

test('a manual that has lost a marker is refused', () => {
  expect(() => withManual('# Operating')).toThrow(/markers of its commands/);
});
