import { errorCode } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { nativeSettings } from '../settings/native.ts';
import { joinedRelays } from '../settings/network.ts';
import type { Setting } from '../settings/setting.ts';
import { serverSchema } from '../settings/values.ts';
import type { FoundServer } from './find-servers.ts';
import type { Prompter } from './prompter.ts';

/** Values of settings, as they are written into a file. */
export type Values = Readonly<Record<string, string>>;

export interface AskComponents {
  readonly prompter: Prompter;
  /** Model servers of this machine. */
  readonly find: () => Promise<readonly FoundServer[]>;
  /** A model server at an address. @throws coded errors where it does not answer. */
  readonly lookAt: (baseUrl: string) => Promise<FoundServer>;
}

export type Role = 'relay' | 'provide';

/** Asks for what is not given yet; what is given is not asked for. Models are shared only where a person chooses them. */
export async function askValues(
  given: Values,
  components: AskComponents,
): Promise<{ readonly role: Role; readonly values: Values }> {
  const { prompter } = components;
  const role = (given['INIT_ROLE'] as Role | undefined) ?? (await prompter.choose(roleQuestion));
  const isNamed = ['NATIVE_SERVER', 'BACKENDS', 'NATIVE'].some((name) => given[name] !== undefined);
  const models = isNamed ? await askNames(given, components) : await askModels(role, components);
  const values: Record<string, string> = { ...given, ...models };
  if (role === 'provide' && values['RELAYS'] === undefined)
    values['RELAYS'] = await askText(prompter, relaysQuestion, joinedRelays.RELAYS);
  if (values['NATIVE_SERVER'] !== undefined && values['NATIVE_SLOTS'] === undefined)
    values['NATIVE_SLOTS'] = await askText(prompter, slotsQuestion, nativeSettings.NATIVE_SLOTS);
  if (role === 'relay' && values['HOST'] === undefined) values['HOST'] = await prompter.choose(hostQuestion);
  return { role, values };
}

const roleQuestion = {
  message: 'What shall this machine be?',
  options: [
    { value: 'provide', label: 'A provider', hint: 'puts its models on the network through relays; opens no port' },
    { value: 'relay', label: 'A relay', hint: 'serves the pages, the OpenAI gateway and the network on one port' },
  ],
} as const;

const hostQuestion = {
  message: 'Who may reach the relay?',
  options: [
    { value: '127.0.0.1', label: 'This machine', hint: 'and a proxy on it' },
    { value: '0.0.0.0', label: 'Every network of this machine' },
  ],
} as const;

const relaysQuestion = { message: 'Which relays shall it join?', example: 'wss://relay.example, ws://localhost:8080' };
const slotsQuestion = { message: 'How many answers of a model at once?', example: '8', initial: '8' };

const askText = (
  prompter: Prompter,
  question: { message: string; example: string; initial?: string },
  { schema }: Setting,
) => prompter.text({ ...question, problem: (text) => schema.safeParse(text || undefined).error?.issues[0]?.message });

/** The servers are named and their models may not be. */
async function askNames(given: Values, { prompter, lookAt }: AskComponents): Promise<Values> {
  const servers = given['NATIVE_SERVER'];
  if (servers === undefined || given['NATIVE_MODELS'] !== undefined || given['NATIVE_EMBEDDING_MODELS'] !== undefined)
    return {};
  const urls = nativeSettings.NATIVE_SERVER.schema.parse(servers);
  return chooseModels(await Promise.all(urls.map(lookAt)), prompter);
}

async function askModels(role: Role, components: AskComponents): Promise<Values> {
  const { prompter, find } = components;
  const found = await find();
  const count = found.reduce((sum, { models }) => sum + models.length, 0);
  const names = found.map(({ label, baseUrl }) => `${label} at ${new URL(baseUrl).host}`).join(', ');
  const from = await prompter.choose({
    message: 'Where are the models?',
    options: [
      ...(found.length > 0
        ? [{ value: 'here', label: 'On this machine', hint: `${count} models: ${names}` } as const]
        : []),
      { value: 'address', label: 'On a model server at another address' },
      { value: 'bundled', label: 'The bundled demo model', hint: 'small, on the processor' },
      ...(role === 'relay' ? [{ value: 'none', label: 'None', hint: 'only peers answer' } as const] : []),
    ],
  });
  switch (from) {
    case 'here':
      return chooseModels(found, prompter);
    case 'address':
      return chooseModels([await askAddress(components)], prompter);
    case 'none':
      return { NATIVE: 'off' };
    case 'bundled':
      return {};
  }
}

/** Until a server answers there, or the question is left. */
async function askAddress({ prompter, lookAt }: AskComponents): Promise<FoundServer> {
  for (;;) {
    const text = await prompter.text({
      message: 'At which address?',
      example: 'http://localhost:11434',
      problem: (given) => serverSchema.safeParse(given).error?.issues[0]?.message,
    });
    try {
      const server = await lookAt(serverSchema.parse(text));
      if (server.models.length > 0) return server;
      prompter.say(server.label === 'a relay' ? 'That is a relay, not a model server.' : 'That server has no models.');
    } catch (error) {
      prompter.say(
        `No models can be listed there (${errorCode(error)}). A server that wants a key: set NATIVE_SERVER_KEY first.`,
      );
    }
  }
}

async function chooseModels(servers: readonly FoundServer[], prompter: Prompter): Promise<Values> {
  const chosen = await prompter.chooseSome({
    message: 'Which models may others use?',
    most: limits.offerModelsMax,
    options: servers.flatMap(({ baseUrl, label, models }) =>
      models.map((name) => ({ value: `${baseUrl} ${name}`, label: name, hint: `${label}, ${new URL(baseUrl).host}` })),
    ),
  });
  const pairs = chosen.map((pair) => [pair.slice(0, pair.indexOf(' ')), pair.slice(pair.indexOf(' ') + 1)] as const);
  const unique = (all: readonly string[]) => [...new Set(all)].join(',');
  return { NATIVE_SERVER: unique(pairs.map(([url]) => url)), NATIVE_MODELS: unique(pairs.map(([, name]) => name)) };
}
