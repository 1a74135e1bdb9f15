import { limitSettings, portSettings } from './gateway.ts';
import { keyIdSettings, keyTermSettings } from './keys.ts';
import { nativeSettings } from './native.ts';
import { directSettings, joinedRelays, otherRelays } from './network.ts';
import { dataSettings, ledgerSettings, processSettings, upkeepSettings } from './process.ts';
import type { EnvOf, Settings } from './setting.ts';

interface Command {
  /** For `--help`. */
  readonly summary: string;
  /** For the manual, in Markdown. */
  readonly meaning: string;
  /** Flags that set no variable, and what they do. */
  readonly switches: Readonly<Record<string, string>>;
  readonly settings: Settings;
}

export type CommandName = keyof typeof commands;
export type RelayEnv = EnvOf<(typeof commands)['relay']['settings']>;
export type ProvideEnv = EnvOf<(typeof commands)['provide']['settings']>;
export type KeyCreateEnv = EnvOf<(typeof commands)['keys create']['settings']>;
export type KeyRevokeEnv = EnvOf<(typeof commands)['keys revoke']['settings']>;
export type LedgerEnv = EnvOf<typeof ledgerSettings>;

/** Everything this program does, one command a row. A setting has its flag, if any, in every command that reads it. */
export const commands = {
  relay: {
    summary: 'serve the pages, the OpenAI gateway and the network on one port (the default)',
    meaning:
      'The pages, the OpenAI gateway at `/v1`, the network over WebSocket, `/health` and `/relay.json`, all on one port.',
    switches: { open: 'open the page in the browser' },
    settings: {
      ...portSettings,
      ...limitSettings,
      ...otherRelays,
      ...nativeSettings,
      ...ledgerSettings,
      ...upkeepSettings,
      ...processSettings,
    },
  },
  provide: {
    summary: "put this machine's models on the network through relays; it opens no port",
    meaning:
      "Puts this machine's models on the network through one or more relays. A process of its own, which opens no port.",
    switches: {},
    settings: {
      ...joinedRelays,
      ...nativeSettings,
      ...directSettings,
      ...dataSettings('data/provide'),
      ...processSettings,
    },
  },
  'keys create': {
    summary: 'make a key for the gateway, and print it; it is not stored',
    meaning: 'Makes a key for the gateway and prints it on standard output.',
    switches: {},
    settings: { ...keyTermSettings, ...ledgerSettings },
  },
  'keys list': {
    summary: 'list the keys of the gateway',
    meaning: 'Lists the keys, newest first: id, state, terms.',
    switches: {},
    settings: ledgerSettings,
  },
  'keys revoke': {
    summary: 'revoke a key, at once',
    meaning: 'Revokes one of them.',
    switches: {},
    settings: { ...keyIdSettings, ...ledgerSettings },
  },
  'ledger check': {
    summary: 'read the whole ledger, and say whether it is right',
    meaning: 'Reads the whole ledger, while relays write it, and says what does not come out even.',
    switches: {},
    settings: ledgerSettings,
  },
} as const satisfies Record<string, Command>;

export const commandNames = Object.keys(commands) as readonly CommandName[];
