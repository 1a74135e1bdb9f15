import { existsSync } from 'node:fs';
import { systemClock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { runDoctor } from '../doctor/doctor.ts';
import type { Printed } from '../program.ts';
import { commands, type CommandEnv } from '../settings/commands.ts';
import { readEnv, type Variables } from '../settings/read-env.ts';
import { saveSettings, writeSettings } from '../settings/settings-file.ts';
import type { KeptAccount } from './account.ts';
import { askEarning } from './ask-earning.ts';
import { askValues, type AskComponents, type Role, type Values } from './ask.ts';
import { findServers, lookAt } from './find-servers.ts';
import type { Prompter } from './prompter.ts';

export interface InitInput {
  /** Flags and environment. */
  readonly variables: Variables;
  readonly overwrite: boolean;
  /** How the program is called, for what to do next. */
  readonly program: string;
  /** Undefined where nobody can be asked. */
  readonly prompter: Prompter | undefined;
}

/**
 * `init`: writes a file of settings, from answers or from flags, and has `doctor` look at them.
 * @throws `bad-flag` where something is missing that cannot be asked for, `cancelled`, and as `saveSettings` does.
 */
export async function runInit({ variables, overwrite, program, prompter }: InitInput): Promise<Printed> {
  const env = readEnv('init', variables);
  const given = givenValues(variables);
  const asked = prompter ? await askValues(given, componentsOf(prompter, env)) : completeValues(given);
  const { role } = asked;
  const priced = asked.values['NATIVE'] === 'off' ? undefined : await pricedValues(asked.values, prompter);
  const existing = await mayReplace(env.SETTINGS, overwrite, prompter);
  const earning = priced && { values: priced, account: await accountOf(priced, env.SETTINGS, variables) };
  const { INIT_ROLE: _, EARN_KEY: _key, ...values } = { ...asked.values, ...earning?.values };
  if (earning) values['EARN_KEY_FILE'] = earning.account.path;
  const next = `${program} ${role} --settings ${variables['SETTINGS'] || 'tabloom.env'}`;
  const text = writeSettings(values, [`Settings of ${role}, written by init. Start it with:`, next]);
  await saveSettings(env.SETTINGS, text, existing);
  const { out } = await runDoctor(
    role === 'relay' ? 'doctor' : 'doctor provide',
    {
      ...variables,
      ...values,
      ...(earning ? { EARN_KEY: earning.account.key, EARN_KEY_FILE: undefined } : {}),
      SETTINGS: env.SETTINGS,
    },
    'text',
  );
  const account = earning ? `${tellAccount(earning.account)}\n` : '';
  const written = `${env.SETTINGS} is written, for your eyes only.\n${account}\n`;
  return { out: `${written}${out}\nStart it:\n  ${next}\n`, notes: '' };
}

/** The values with what a price needs; undefined where the models are free. */
async function pricedValues(given: Values, prompter: Prompter | undefined): Promise<Values | undefined> {
  const chains = async () => (await import('./account.ts')).earningChains();
  const values = { ...given, ...(prompter ? await askEarning(given, { prompter, chains }) : {}) };
  return values['EARN_IN'] === undefined && values['EARN_OUT'] === undefined ? undefined : values;
}

/** Loaded only where there is a price: what knows a chain takes two seconds to load. */
async function accountOf(values: Values, settingsPath: string, variables: Variables): Promise<KeptAccount> {
  const { accountIn, keepAccount } = await import('./account.ts');
  const [key, path] = [values['EARN_KEY'], variables['EARN_KEY_FILE']];
  return key !== undefined && path ? accountIn(path, key) : keepAccount(settingsPath, key);
}

const tellAccount = ({ address, path }: KeptAccount): string =>
  `The account ${address} is paid. Its key is in ${path}: keep a copy. It sends its claims itself: send it some of the chain’s coin.`;

/** What is set already, of what `init` writes down. */
function givenValues(variables: Variables): Values {
  const names = Object.keys(commands.init.settings).filter((name) => name !== 'SETTINGS');
  return Object.fromEntries(names.flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])));
}

/** Without anybody to ask. @throws `bad-flag`, saying what is missing. */
export function completeValues(given: Values): { readonly role: Role; readonly values: Values } {
  const missing = (what: string) => new TabloomError('bad-flag', `There is nobody to ask: ${what}. Try "init --help".`);
  const role = given['INIT_ROLE'] as Role | undefined;
  if (role === undefined) throw missing('name a role, as in --role provide');
  if (role === 'provide' && given['RELAYS'] === undefined)
    throw missing('name the relays to join, as in --relays wss://relay.example');
  const isNamed = given['NATIVE_SERVER'] !== undefined || given['BACKENDS'] !== undefined;
  if (role === 'provide' && !isNamed) throw missing('name a model server, as in --backend http://localhost:11434');
  const isChosen = given['NATIVE_MODELS'] !== undefined || given['NATIVE_EMBEDDING_MODELS'] !== undefined;
  if (given['NATIVE_SERVER'] !== undefined && !isChosen)
    throw missing("name the models that others may use, as in --models qwen3:8b; --models '*' means all of them");
  return { role, values: given };
}

async function mayReplace(
  path: string,
  overwrite: boolean,
  prompter: Prompter | undefined,
): Promise<'keep' | 'replace'> {
  if (overwrite) return 'replace';
  if (!prompter || !existsSync(path)) return 'keep';
  if (await prompter.confirm(`${path} is there already. Replace it?`)) return 'replace';
  throw new TabloomError('cancelled', 'Nothing was written.');
}

function componentsOf(prompter: Prompter, env: CommandEnv<'init'>): AskComponents {
  const components = { fetch, clock: systemClock, apiKey: env.NATIVE_SERVER_KEY };
  // A key is for the server that it was made for, so that the ports of this machine are looked at without.
  const find = () => findServers({ fetch, clock: systemClock });
  return { prompter, find, lookAt: (baseUrl) => lookAt(baseUrl, 'model server', components) };
}
