import type { World } from './world.ts';

/** What is tried with each client, in the order of the matrix. */
export const features = [
  'models',
  'chat',
  'stream',
  'usage',
  'tools forced',
  'tools free',
  'tool results',
  'JSON schema',
  'reasoning',
  'embeddings',
  'responses',
  'responses stream',
  'abort',
  'retries',
  'errors',
  'keys',
] as const;

export type Feature = (typeof features)[number];

/** A check that throws, or the reason why this client cannot do it. */
export type Cell = ((world: World) => Promise<void>) | string;

/** A program as it is published, with nothing but its base URL changed. */
export interface Client {
  readonly name: string;
  readonly version: string;
  readonly cells: Readonly<Record<Feature, Cell>>;
}

export interface Result {
  readonly client: string;
  readonly feature: string;
  readonly outcome: 'ok' | 'failed' | 'unsupported';
  /** Of a failure or of what is not supported. */
  readonly reason: string;
}

const cellTimeoutMs = 60_000;

/** Runs a check. One that hangs is a failure. */
export async function runCell(client: string, feature: string, cell: Cell, world: World): Promise<Result> {
  if (typeof cell === 'string') return { client, feature, outcome: 'unsupported', reason: cell };
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`took longer than ${cellTimeoutMs / 1_000} s`)), cellTimeoutMs);
  try {
    await Promise.race([cell(world), late]);
    return { client, feature, outcome: 'ok', reason: '' };
  } catch (error) {
    return {
      client,
      feature,
      outcome: 'failed',
      reason: error instanceof Error ? describeError(error) : String(error),
    };
  } finally {
    clearTimeout(timer);
  }
}

function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.name}: ${error.message}${cause}`.replaceAll('\n', ' ').slice(0, 400);
}

const marks = { ok: 'ok', failed: 'FAIL', unsupported: '–' } as const;

/** The matrix as Markdown, and a line for each cell that is not `ok`. */
export function matrixLines(clients: readonly Client[], results: readonly Result[]): readonly string[] {
  const of = (client: string, feature: string) =>
    results.find((one) => one.client === client && one.feature === feature);
  const rows = clients.map(({ name, version }) =>
    [`${name} ${version}`, ...features.map((feature) => marks[of(name, feature)?.outcome ?? 'failed'])].join(' | '),
  );
  const notes = results
    .filter(({ outcome }) => outcome === 'unsupported')
    .map(({ client, feature, reason }) => `–  ${client}, ${feature}: ${reason}`);
  return [
    `| client | ${features.join(' | ')} |`,
    `| --- |${' --- |'.repeat(features.length)}`,
    ...rows.map((row) => `| ${row} |`),
    '',
    ...notes,
  ];
}
