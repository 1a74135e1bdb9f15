import { fileURLToPath } from 'node:url';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { scriptedModel } from '#lib/engine/catalog/scripted.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createLlamaEngine } from '../../relay/native/llama.ts';
import { startRelay, type RelayProcess } from '../fixtures/relay-process.ts';
import { startWorker } from '../integration/relay/worker.ts';
import { median, spread, type Row } from './row.ts';

const prompt = 'hello';
const warmups = 5;

/** What the gateway and the network behind it add to the first token of the engine that answers. */
export default async function gateway(): Promise<readonly Row[]> {
  return [await overScripted(), await overNative()];
}

async function overScripted(): Promise<Row> {
  const relay = await startRelay({ native: 'no-native' });
  const loaded = await createScriptedEngine({ clock: systemClock }).load(scriptedModel(0), {});
  const peer = await startWorker(relay.url, 0);
  try {
    await waitUntilListed(relay, loaded.model.name);
    return await compare('added to first token by the gateway, zero-cost engine', relay, loaded, 100);
  } finally {
    await peer.stop();
    await relay.dispose();
  }
}

async function overNative(): Promise<Row> {
  const relay = await startRelay({ native: 'with-native' });
  const modelFile = fileURLToPath(new URL('../../static/models/tabloom-demo.gguf', import.meta.url));
  const engine = createLlamaEngine({ clock: systemClock, pathOf: () => modelFile });
  try {
    const loaded = await engine.load(demoModel, {});
    return await compare('added to first token by the gateway, native provider', relay, loaded, 30);
  } finally {
    await engine.close();
    await relay.dispose();
  }
}

async function compare(what: string, relay: RelayProcess, loaded: LoadedModel, pairs: number): Promise<Row> {
  const added: number[] = [];
  for (let pair = 0; pair < warmups + pairs; pair++) {
    const alone = await firstOfEngine(loaded);
    const through = await firstOfGateway(relay, loaded.model.name);
    if (pair >= warmups) added.push(through - alone);
  }
  return { what, value: `${median(added).toFixed(1)} ms`, goal: 'reported', note: spread(added, 1) };
}

async function firstOfEngine(loaded: LoadedModel): Promise<number> {
  const startedMs = performance.now();
  const request = {
    kind: 'chat' as const,
    input: { messages: [{ role: 'user' as const, content: prompt }] },
    params: { maxTokens: 4, temperature: 0 },
  };
  let firstMs = 0;
  for await (const event of loaded.doStream(request, {})) {
    if (event.type === 'text-delta' && firstMs === 0) firstMs = performance.now() - startedMs;
  }
  return firstMs;
}

async function firstOfGateway(relay: RelayProcess, model: string): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(`${relay.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      stream: true,
      max_tokens: 4,
      temperature: 0,
      messages: [{ role: 'user', content: prompt }],
    }),
  });
  if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
  let text = '';
  let firstMs = 0;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (firstMs === 0 && /"content":"[^"]/.test(text)) firstMs = performance.now() - startedMs;
  }
  return firstMs;
}

async function waitUntilListed(relay: RelayProcess, model: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { data } = (await (await fetch(`${relay.url}/v1/models`)).json()) as { data: { id: string }[] };
    if (data.some(({ id }) => id === model)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the relay does not list ${model} after 10 s`);
}
