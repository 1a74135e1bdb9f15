import { auditSettings, validatorSettings } from './auditing.ts';
import { chainSettings, namedChainSettings } from './chain.ts';
import { checkModelSettings } from './check-model.ts';
import { courtSettings } from './court.ts';
import { creditSettings } from './credits.ts';
import { earningSettings } from './earning.ts';
import { limitSettings, portSettings } from './gateway.ts';
import { hubSettings } from './hub.ts';
import { initSettings } from './init.ts';
import { keyIdSettings, keyTermSettings } from './keys.ts';
import { nativeSettings } from './native.ts';
import { directSettings, joinedRelays, otherRelays } from './network.ts';
import { dataSettings, ledgerSettings, newFileSettings, processSettings, upkeepSettings } from './process.ts';
import { bondSettings, payoutSettings, providerSettings } from './provider.ts';
import type { EnvOf, Settings } from './setting.ts';
import { sponsorSettings } from './sponsor.ts';
import { spendingSettings } from './spending.ts';
import { verifySettings } from './verify.ts';

interface Command {
  /** For `--help`. */
  readonly summary: string;
  /** For the manual, in Markdown. */
  readonly meaning: string;
  /** Flags that set no variable, and what they do. */
  readonly switches: Readonly<Record<string, string>>;
  readonly settings: Settings;
  /** The variable that a word without a flag sets, such as a file. */
  readonly operand?: string;
  /** The command whose settings it looks at: they are listed there. */
  readonly settingsOf?: 'relay' | 'provide' | 'validate';
}

export type CommandName = keyof typeof commands;
export type CommandEnv<Name extends CommandName> = EnvOf<(typeof commands)[Name]['settings']>;
export type RelayEnv = CommandEnv<'relay'>;
export type ProvideEnv = CommandEnv<'provide'>;
export type ValidateEnv = CommandEnv<'validate'>;
export type KeyCreateEnv = CommandEnv<'keys create'>;
export type KeyRevokeEnv = CommandEnv<'keys revoke'>;
export type LedgerEnv = EnvOf<typeof ledgerSettings>;
export type CheckModelEnv = CommandEnv<'check-model'>;
export type VerifyEnv = CommandEnv<'verify'>;
export type LedgerCheckEnv = CommandEnv<'ledger check'>;

const relaySettings = {
  ...portSettings,
  ...limitSettings,
  ...namedChainSettings,
  ...chainSettings,
  ...creditSettings,
  ...otherRelays,
  ...nativeSettings,
  ...earningSettings,
  ...sponsorSettings,
  ...spendingSettings,
  ...hubSettings,
  ...auditSettings,
  ...courtSettings,
  ...ledgerSettings,
  ...upkeepSettings,
  ...processSettings,
} as const;

const provideSettings = {
  ...joinedRelays,
  ...nativeSettings,
  ...earningSettings,
  ...chainSettings,
  ...auditSettings,
  ...directSettings,
  ...dataSettings('data/provide'),
  ...processSettings,
} as const;

/** Its models score, and answer nobody. */
const validateSettings = {
  ...joinedRelays,
  ...nativeSettings,
  ...validatorSettings,
  ...courtSettings,
  ...chainSettings,
  ...dataSettings('data/validate'),
  ...processSettings,
} as const;

const quiet = { quiet: 'print lines only, without the live view' } as const;
const doctorSwitches = { json: 'print the findings as JSON' } as const;

/** Everything this program does, one command a row. A setting has its flag, if any, in every command that reads it. */
export const commands = {
  relay: {
    summary: 'serve the pages, the OpenAI gateway and the network on one port (the default)',
    meaning:
      'The pages, the OpenAI gateway at `/v1`, the network over WebSocket, `/health` and `/relay.json`, all on one port.',
    switches: { open: 'open the page in the browser', ...quiet },
    settings: relaySettings,
  },
  provide: {
    summary: "put this machine's models on the network through relays; it opens no port",
    meaning:
      "Puts this machine's models on the network through one or more relays. A process of its own, which opens no port.",
    switches: quiet,
    settings: provideSettings,
  },
  validate: {
    summary: 'judge the answers of others in audits, with the models of this machine',
    meaning:
      'Judges the answers of others where the beacon seats it on a panel, with models of this machine, which answer nobody. It joins relays as `provide` does, and opens no port. See [Audits](#audits).',
    switches: quiet,
    settings: validateSettings,
  },
  init: {
    summary: 'ask what this machine shall be, and write a file of settings',
    meaning:
      'Asks what this machine shall be and which of its models others may use, and writes a file of settings; see [A file of settings](#a-file-of-settings).',
    switches: { yes: 'ask nothing; take the flags', overwrite: 'replace a file that is there' },
    settings: {
      ...initSettings,
      ...otherRelays,
      ...nativeSettings,
      ...earningSettings,
      ...chainSettings,
      NATIVE: portSettings.NATIVE,
      HOST: portSettings.HOST,
      PORT: portSettings.PORT,
      DATA_DIR: ledgerSettings.DATA_DIR,
      ...newFileSettings,
    },
    settingsOf: 'relay',
  },
  doctor: {
    summary: 'say what is wrong with a relay of these settings, and what to do',
    meaning:
      'Looks at what a relay of these settings needs, and says what is wrong and what to do; see [Doctor](#doctor). It takes the flags of `relay`.',
    switches: doctorSwitches,
    settings: relaySettings,
    settingsOf: 'relay',
  },
  'doctor provide': {
    summary: 'the same for provide',
    meaning: 'The same for `provide`, with its flags.',
    switches: doctorSwitches,
    settings: provideSettings,
    settingsOf: 'provide',
  },
  'doctor validate': {
    summary: 'the same for validate',
    meaning: 'The same for `validate`, with its flags.',
    switches: doctorSwitches,
    settings: validateSettings,
    settingsOf: 'validate',
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
    meaning:
      'Reads the whole ledger, while relays write it, compares it with the chains, and says what does not come out even.',
    switches: {},
    settings: { ...ledgerSettings, ...chainSettings },
  },
  'check-model': {
    summary: "check a model's file before it is offered, and sign a listing of it",
    meaning:
      'Reads a GGUF or safetensors file without running anything in it (`check-model model.gguf`): format, hash, licence, template, addresses and hidden text in it, size; and, with `--prompts`, asks it what it should know and should refuse. With `--listing` what was checked is signed, where nothing failed. Exit code 1 where a check fails.',
    switches: { json: 'print what was checked as JSON' },
    settings: checkModelSettings,
    operand: 'CHECK_FILE',
  },
  verify: {
    summary: 'check a receipt offline, from a file or standard input',
    meaning:
      'Checks receipts offline, as the API hands them out (`verify receipt.json`): signatures, the fields shown beside them, and, where they are given, prompt and answer. Exit code 1 where a check fails. What it cannot see, it says.',
    switches: { json: 'print what was checked as JSON' },
    settings: verifySettings,
    operand: 'VERIFY_RECEIPT',
  },
  'provider status': {
    summary: "say what the chain says of a provider's account",
    meaning:
      'Says what the chain says of the account that is paid; see [An account on the chain](#an-account-on-the-chain).',
    switches: {},
    settings: providerSettings,
  },
  'provider register': {
    summary: "name the peer in the chain's registry",
    meaning: "Names this machine's peer in the chain's registry, so that the account and its offers name each other.",
    switches: {},
    settings: providerSettings,
  },
  'provider bond': {
    summary: 'bond money, to be listed as verified',
    meaning: 'Bonds money out of the account.',
    switches: {},
    settings: { ...providerSettings, ...bondSettings },
  },
  'provider unbond': {
    summary: 'begin to take bonded money back',
    meaning: 'Begins to take bonded money back, which takes 21 days.',
    switches: {},
    settings: { ...providerSettings, ...bondSettings },
  },
  'provider withdraw': {
    summary: 'withdraw what has finished unbonding',
    meaning: 'Withdraws what has finished unbonding.',
    switches: {},
    settings: providerSettings,
  },
  'provider payout': {
    summary: 'pay out what was earned and claimed',
    meaning: 'Pays out what was earned and claimed.',
    switches: {},
    settings: { ...providerSettings, ...payoutSettings },
  },
} as const satisfies Record<string, Command>;

export const commandNames = Object.keys(commands) as readonly CommandName[];
