import { systemClock } from '#lib/base/clock.ts';
import { readBackends } from '../backends.ts';
import { connectionsMax } from '../http/server.ts';
import type { BackendConfig } from '../native/bridge/backend-config.ts';
import { bundledModelFile } from '../native-provider.ts';
import { pagesFolder } from '../own-files.ts';
import type { Printed } from '../program.ts';
import type { CommandEnv } from '../settings/commands.ts';
import type { NativeEnv } from '../settings/native.ts';
import { checkEnv, type Variables } from '../settings/read-env.ts';
import { ofCredits, ofEarning, ofNamedChain, ofSponsor } from './accounts.ts';
import { ofAudits } from './audits.ts';
import { checkDataFolder } from './data-folder.ts';
import { checkExposure, checkPages, checkPublicUrl } from './exposure.ts';
import { ok, runChecks, type Check, type Finding } from './finding.ts';
import { ofGateways } from './gateways.ts';
import { checkGpu, checkNode, checkOpenFiles, checkReach } from './machine.ts';
import { checkBundledModel, checkModelServer } from './model-servers.ts';
import { checkPort } from './port.ts';
import { checkRelay } from './relays.ts';
import { isFine, writeJson, writeReport } from './report.ts';
import { checkSettingsFile } from './settings-file.ts';
import { checkChain, checkPostgres, checkRedis } from './services.ts';

export type DoctorCommand = 'doctor' | 'doctor provide' | 'doctor validate';

/** `doctor`: what is wrong with the settings and the machine, and what to do. It changes nothing and takes no lock. */
export async function runDoctor(command: DoctorCommand, variables: Variables, form: 'text' | 'json'): Promise<Printed> {
  const findings = await examine(command, variables);
  const out = form === 'json' ? writeJson(findings) : writeReport(findings);
  return { out, notes: '', exitCode: isFine(findings) ? 0 : 1 };
}

/** What was found out, in the order of importance. */
export async function examine(command: DoctorCommand, variables: Variables): Promise<readonly Finding[]> {
  const { problems } = checkEnv(command, variables);
  const wrong = problems.map(({ message, details }): Finding => {
    const id = `setting ${String(details['name'])}`;
    return { id, state: 'fail', what: message, do: 'Correct it; "--help" and docs/OPERATING.md say how.' };
  });
  // The rest is looked at as if what is wrong were not set.
  const usable = { ...variables, ...Object.fromEntries(problems.map(({ details }) => [details['name'], undefined])) };
  const settings: readonly Check[] =
    problems.length > 0 ? [] : [{ id: 'settings', run: async () => ok('They can be read.') }];
  const file = variables['SETTINGS'];
  const machine = [...(file ? [checkSettingsFile(file)] : []), checkNode(process.versions.node)];
  const further = await { doctor: ofRelay, 'doctor provide': ofProvide, 'doctor validate': ofValidate }[command](
    usable,
  );
  return [...wrong, ...(await runChecks([...settings, ...machine, ...further], systemClock))];
}

async function ofRelay(variables: Variables): Promise<readonly Check[]> {
  const { env } = checkEnv('doctor', variables);
  if (!env) return [];
  const port = checkPort({ host: env.HOST, port: env.PORT, fetch });
  const isServing = async () => (await port.serving(AbortSignal.timeout(2_000))) !== undefined;
  return [
    checkDataFolder({ folder: env.DATA_DIR, held: 'relay.db-lock', isServing }),
    port.check,
    ...(env.DATABASE_URL === undefined ? [] : [checkPostgres(env.DATABASE_URL)]),
    ...(env.REDIS_URL === undefined ? [] : [checkRedis(env.REDIS_URL)]),
    ...(env.NATIVE === 'on' ? await ofModels(env) : []),
    ...ofGateways(env, env.NATIVE === 'on' ? await readBackends(env).catch(() => []) : []),
    ...ofRelays(env),
    checkExposure({
      host: env.HOST,
      publicUrl: env.PUBLIC_URL,
      trustedProxies: env.TRUSTED_PROXIES,
      apiKeys: env.API_KEYS,
      metricsToken: env.METRICS_TOKEN,
    }),
    checkPublicUrl({ url: env.PUBLIC_URL, fetch, serving: port.serving }),
    checkPages(pagesFolder),
    checkOpenFiles(connectionsMax),
    checkChain(env.CHAIN_RPC_URL, fetch),
    ...ofNamedChain(env, fetch),
    ...ofEarning(env, fetch, env.CHAIN),
    ...ofCredits(env, fetch),
    ...ofSponsor(env, fetch),
    ...ofAudits(env, fetch, systemClock),
  ];
}

async function ofProvide(variables: Variables): Promise<readonly Check[]> {
  const isJoining = (variables['RELAYS'] ?? '') !== '';
  // Without relays it cannot start, and everything else can still be looked at.
  const { env } = checkEnv('doctor provide', isJoining ? variables : { ...variables, RELAYS: 'ws://relay.invalid' });
  if (!env) return [];
  const isServing = async () => false;
  return [
    checkDataFolder({ folder: env.DATA_DIR, held: 'provide.db-lock', isServing }),
    ...(await ofModels(env)),
    ...(isJoining ? ofRelays(env) : []),
    checkReach(env.DIRECT_PORT),
    ...ofEarning(env, fetch),
    ...ofAudits(env, fetch, systemClock),
  ];
}

async function ofValidate(variables: Variables): Promise<readonly Check[]> {
  const isJoining = (variables['RELAYS'] ?? '') !== '';
  const { env } = checkEnv('doctor validate', isJoining ? variables : { ...variables, RELAYS: 'ws://relay.invalid' });
  if (!env) return [];
  return [
    checkDataFolder({ folder: env.DATA_DIR, held: 'validate.db-lock', isServing: async () => false }),
    ...(await ofModels(env)),
    ...(isJoining ? ofRelays(env) : []),
    ...ofAudits(env, fetch, systemClock),
  ];
}

const ofRelays = ({ RELAYS }: Pick<CommandEnv<'relay'>, 'RELAYS'>): readonly Check[] =>
  RELAYS.map((url) => checkRelay({ url, fetch, now: systemClock.now }));

async function ofModels(env: NativeEnv): Promise<readonly Check[]> {
  let servers: readonly BackendConfig[];
  try {
    servers = await readBackends(env);
  } catch (error) {
    const what = error instanceof Error ? error.message : 'The model servers cannot be read.';
    return [
      { id: 'setting BACKENDS', run: async () => ({ state: 'fail', what, do: 'Correct it; see docs/OPERATING.md.' }) },
    ];
  }
  return [
    ...servers.map((config) => checkModelServer(config, systemClock)),
    ...(servers.length === 0 ? [checkBundledModel(bundledModelFile)] : []),
    ...(env.HARDWARE_CARD === 'on' ? [checkGpu()] : []),
  ];
}
