import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { listServerModels } from '#lib/engine/remote/list-models.ts';
import type { ServerFetch } from '#lib/engine/remote/server-url.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { limits } from '#lib/protocol/limits.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';

/** A model server that answers. */
export interface FoundServer {
  readonly baseUrl: string;
  /** What usually listens there, for people to read. */
  readonly label: string;
  /** Names that can be written in a list. */
  readonly models: readonly string[];
}

/** Where model servers listen unless they are told otherwise. */
const usualPorts: Readonly<Record<number, string>> = {
  11434: 'Ollama',
  8000: 'vLLM',
  8080: 'llama.cpp',
  1234: 'LM Studio',
  30000: 'SGLang',
  1337: 'Jan',
  5001: 'KoboldCpp',
};

const answerTimeoutMs = 1_500;
const modelsMax = 256;

export interface FindComponents {
  readonly fetch: ServerFetch;
  readonly clock: Clock;
  readonly apiKey?: string | undefined;
}

/** The model servers of this machine, on loopback. What does not answer at once, or wants a key, is left out. */
export async function findServers(
  components: FindComponents,
  ports: Readonly<Record<number, string>> = usualPorts,
): Promise<readonly FoundServer[]> {
  const found = await Promise.all(
    Object.entries(ports).map(([port, label]) =>
      lookAt(`http://127.0.0.1:${port}/v1/`, label, components).catch(() => undefined),
    ),
  );
  return found.filter((server) => server !== undefined && server.models.length > 0) as readonly FoundServer[];
}

/** @throws as `listServerModels` does; `is-relay` is no failure: a relay has no models of its own. */
export async function lookAt(
  baseUrl: string,
  label: string,
  { fetch, clock, apiKey }: FindComponents,
): Promise<FoundServer> {
  const deadline = startDeadline(clock, answerTimeoutMs);
  const { signal } = deadline;
  try {
    // A relay lists the models of the whole network: to share them again would go round in circles.
    if (await raceSignal(isRelay(baseUrl, fetch, signal), signal)) return { baseUrl, label: 'a relay', models: [] };
    const all = await raceSignal(listServerModels({ baseUrl, apiKey, clock, fetch }, { signal }), signal);
    const names = all
      .map(({ name }) => name)
      .filter((name) => name.length <= limits.nameLengthMax && !/[,*]/.test(name));
    return { baseUrl, label, models: names.slice(0, modelsMax) };
  } finally {
    deadline.clear();
  }
}

async function isRelay(baseUrl: string, fetch: ServerFetch, signal: AbortSignal): Promise<boolean> {
  const { ok, body } = await fetch(new URL('/relay.json', baseUrl), { headers: {}, signal, redirect: 'error' });
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > 16_384) return false;
  }
  try {
    return ok && relayInfoSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}
