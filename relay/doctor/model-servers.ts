import { access } from 'node:fs/promises';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { remoteModel } from '#lib/engine/catalog.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import { listServerModels, type ServerModel } from '#lib/engine/remote/list-models.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { isOffered, type BackendConfig } from '../native/bridge/backend-config.ts';
import { askShortly } from '../native/bridge/examine.ts';
import { causeOf as failureOf, hasNoList } from '../native/bridge/failure.ts';
import { causeOf, checkLimitMs, fail, ok, warn, type Check, type Outcome } from './finding.ts';

/** One token; a server may have to load the model first. */
const trialLimitMs = 8_000;
const contextTokens = 4_096;

/** A model server: whether it answers, what it has, and one token of one model. */
export const checkModelServer = (config: BackendConfig, clock: Clock): Check => ({
  id: `model-server ${new URL(config.baseUrl).host}`,
  limitMs: checkLimitMs + trialLimitMs,
  async run(signal) {
    const { baseUrl, apiKey, fetch, allow, embeddingModels } = config;
    const named = [...allow, ...embeddingModels].filter((name) => !name.includes('*'));
    const deadline = startDeadline(clock, checkLimitMs, { signal });
    let all: readonly ServerModel[];
    try {
      all = await listServerModels({ baseUrl, apiKey, clock, fetch }, { signal: deadline.signal });
    } catch (error) {
      if (signal.aborted) throw error;
      if (!hasNoList(error) || named.length === 0) return whyNot(baseUrl, error, apiKey);
      all = named.map((name) => ({ name, flavour: 'openai' }));
    } finally {
      deadline.clear();
    }
    const offered = all.filter(({ name }) => isOffered(config, name));
    if (offered.length === 0) {
      return all.length === 0
        ? fail(`${baseUrl} has no models.`, 'Load or pull one there.')
        : fail(
            `${baseUrl} has ${all.length} models, and none that may be offered.`,
            `It lists ${shown(all)}. Correct NATIVE_MODELS, or "allow" and "deny" in BACKENDS.`,
          );
    }
    const missing = named.filter((name) => !all.some((model) => model.name === name));
    if (missing.length > 0)
      return warn(`${baseUrl} does not have ${missing.slice(0, 8).join(', ')}.`, `It lists ${shown(all)}.`);
    return tryOne(config, offered, { clock, signal });
  },
});

interface Trial {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function tryOne(
  config: BackendConfig,
  offered: readonly ServerModel[],
  { clock, signal }: Trial,
): Promise<Outcome> {
  const { baseUrl, apiKey, fetch, slots } = config;
  const [{ name }] = offered as readonly [ServerModel, ...ServerModel[]];
  const flavour = offered.find((model) => model.flavour !== 'openai')?.flavour ?? 'openai';
  const task = config.embeddingModels.includes(name) ? 'embedding' : 'text';
  const has = `${baseUrl} (${config.flavour === 'detect' ? flavour : config.flavour}) has ${shown(offered)}`;
  const late = () => new TabloomError('timeout', 'No token came.');
  const deadline = startDeadline(clock, trialLimitMs, { signal, error: late });
  try {
    const options = { baseUrl, apiKey, fetch, flavour, slots, clock, task, checksList: false } as const;
    const entry = remoteModel({ remoteName: name, name, contextTokens });
    const loaded = await createOpenAICompatibleEngine(options).load(entry, { signal: deadline.signal });
    await askShortly(loaded, deadline.signal);
    return ok(`${has}; ${name} answers.`);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'timeout')
      return warn(`${has}; ${name} gave no token within ${trialLimitMs / 1_000} s.`, 'It may be loading. Run again.');
    if (code === 'busy') return warn(`${has}, and is busy.`, 'Run again when it is idle.');
    if (code === 'bad-request' || code === 'model-unknown')
      return warn(`${has}; ${name} refuses a chat.`, 'If it makes embeddings, name it in NATIVE_EMBEDDING_MODELS.');
    return whyNot(baseUrl, error, apiKey);
  } finally {
    deadline.clear();
  }
}

/** The kinds of failure of a model server, told apart by what its owner does about them. */
function whyNot(baseUrl: string, error: unknown, apiKey: string | undefined): Outcome {
  const { status } = failureOf(error);
  const cause = causeOf(error);
  if (status === 401 || status === 403) {
    return apiKey === undefined
      ? fail(`${baseUrl} wants a key.`, 'Set NATIVE_SERVER_KEY, or "key" or "keyFile" in BACKENDS.')
      : fail(`${baseUrl} refuses the key.`, 'Correct NATIVE_SERVER_KEY, or "key" or "keyFile" in BACKENDS.');
  }
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER/.test(cause)) {
    return fail(
      `The certificate of ${baseUrl} is not trusted (${cause}).`,
      'Name the authority that signed it in "ca" in BACKENDS, or renew it.',
    );
  }
  if (/SSL|EPROTO/.test(cause))
    return fail(`${baseUrl} does not speak TLS (${cause}).`, 'Write http:// in place of https://.');
  if (hasNoList(error)) return fail(`${baseUrl} has no list of models there.`, 'Correct its path; /v1 is usual.');
  if (typeof status === 'number') return fail(`${baseUrl} answers with status ${status}.`, 'Look into its log.');
  if (cause === 'timeout' || cause === 'aborted')
    return fail(
      `${baseUrl} gives no answer within ${checkLimitMs / 1_000} s.`,
      'Look whether it hangs, and whether a firewall stands between.',
    );
  if (cause === 'ENOTFOUND' || cause === 'EAI_AGAIN')
    return fail(`No machine has the name in ${baseUrl}.`, 'Correct its address.');
  return fail(`${baseUrl} does not answer (${cause}).`, 'Start it, or correct its address.');
}

const shownMax = 4;
const shown = (models: readonly ServerModel[]) =>
  `${models
    .slice(0, shownMax)
    .map(({ name }) => name)
    .join(', ')}${models.length > shownMax ? ` and ${models.length - shownMax} more` : ''}`;

/** The model that comes with this program, used where no server is named. */
export const checkBundledModel = (file: string): Check => ({
  id: 'bundled-model',
  run: () =>
    access(file).then(
      () => ok('The bundled model is there.'),
      () => fail(`${file} is missing.`, 'Restore it, or name a model server with --backend.'),
    ),
});
