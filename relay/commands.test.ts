import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { commands, needsPages, parseCommand, helpOf, type CommandName } from './commands.ts';
import { envSchemas } from './settings.ts';

const failure = (args: readonly string[]) => {
  try {
    parseCommand(args);
  } catch (error) {
    return { code: errorCode(error), message: error instanceof Error ? error.message : '' };
  }
  throw new Error('nothing was thrown');
};
const names = Object.keys(commands) as CommandName[];

test('without a command the relay starts', () => {
  const relay = { name: 'relay', help: false, open: false, variables: {} };
  expect(parseCommand([])).toEqual(relay);
  expect(parseCommand(['relay'])).toEqual(relay);
  expect(parseCommand(['--port', '9', '--host=0.0.0.0', '--no-native', '--open'])).toEqual({
    ...relay,
    open: true,
    variables: { PORT: '9', HOST: '0.0.0.0', NATIVE: 'off' },
  });
});

test('provide takes its own flags', () => {
  const args = ['provide', '--relays', 'ws://a,ws://b', '--backend', 'http://localhost:11434', '--direct-port', '4002'];
  expect(parseCommand(args)).toEqual({
    name: 'provide',
    help: false,
    open: false,
    variables: { RELAYS: 'ws://a,ws://b', NATIVE_SERVER: 'http://localhost:11434', DIRECT_PORT: '4002' },
  });
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

test.each(['8080', 'mine', 'toString', '__proto__', 'Relay'])('the command %s does not exist', (name) => {
  const { code, message } = failure([name]);
  expect(code).toBe('unknown-command');
  for (const known of names) expect(message).toContain(`\n  ${known} `);
});

test.each([
  [['--prot'], /relay --help/],
  [['--port'], /relay --help/],
  [['relay', '8080'], /relay --help/],
  [['relay', '--backend', 'http://a'], /'--backend'.*relay --help/],
  [['provide', '--port', '1'], /'--port'.*provide --help/],
  [['provide', '--relays'], /provide --help/],
])('%j is refused', (args, message) => {
  expect(failure(args)).toEqual({ code: 'bad-flag', message: expect.stringMatching(message) });
});

test('only the relay serves pages', () => {
  expect([[], ['relay'], ['--port', '0']].map(needsPages)).toEqual([true, true, true]);
  expect([['provide'], ['--help'], ['mine'], ['--prot']].map(needsPages)).toEqual([false, false, false, false]);
});

describe.each(names)('%s', (name) => {
  const flags = Object.entries(commands[name].flags) as [string, { readonly variable?: string }][];

  test('its flags set variables that it reads', () => {
    const known = Object.keys(envSchemas[name].shape);
    for (const [, { variable }] of flags) if (variable !== undefined) expect(known).toContain(variable);
  });
  test('its help and the operating manual name every flag', () => {
    const manual = readFileSync(new URL('../docs/OPERATING.md', import.meta.url), 'utf8');
    expect(manual).toMatch(new RegExp(`^\\| \`${name}\` `, 'm'));
    for (const [flag] of flags) {
      expect(helpOf(name)).toContain(`--${flag}`);
      expect(manual).toContain(`\`--${flag}\``);
    }
  });
});
