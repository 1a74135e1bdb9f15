import { aiSdkChat, aiSdkCompatible, aiSdkResponses } from './clients/ai-sdk.ts';
import { instructor } from './clients/instructor.ts';
import { langchain } from './clients/langchain.ts';
import { llamaindex } from './clients/llamaindex.ts';
import { openaiClient } from './clients/openai.ts';
import { tryFaults } from './faults.ts';
import { features, matrixLines, runCell, type Client, type Result } from './matrix.ts';
import { startWorld } from './world.ts';

const clients: readonly Client[] = [
  openaiClient,
  aiSdkResponses,
  aiSdkChat,
  aiSdkCompatible,
  langchain,
  llamaindex,
  instructor,
];

/**
 * Tries every feature with every client against a relay and prints the matrix. One cell after the other: some of them count
 * what runs at the worker. Returns the failures.
 */
export async function playConformance(
  only: string | undefined,
  print: (line: string) => void,
): Promise<readonly string[]> {
  const world = await startWorld();
  const results: Result[] = [];
  const raw: Result[] = [];
  const chosen = clients.filter(({ name }) => only === undefined || name.includes(only));
  try {
    for (const { name, cells } of chosen) {
      for (const feature of features) results.push(await runCell(name, feature, cells[feature], world));
    }
    if (only === undefined || only === 'raw') raw.push(...(await tryFaults(world)));
  } finally {
    await world.dispose();
  }
  for (const line of matrixLines(chosen, results)) print(line);
  for (const { feature, outcome } of raw) print(`${outcome === 'ok' ? 'ok  ' : 'FAIL'}  ${feature}`);
  return [...results, ...raw]
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ client, feature, reason }) => `${client}, ${feature}: ${reason}`);
}
