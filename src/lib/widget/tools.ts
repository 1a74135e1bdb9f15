import type { ToolCall } from './ladder.ts';

/** A function of the site that a model may call, in the form of OpenAI's `tools[].function`. */
export interface SiteTool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON schema. */
  readonly parameters?: object | undefined;
}

/** What a site's handler gets, as the `detail` of the event `tabloom-tool`. */
export interface ToolRequest {
  readonly name: string;
  /** Parsed; `{}` where the model wrote no JSON. Written by a model: check it like any other input. */
  readonly arguments: unknown;
  /** Takes the result, or a promise of it. Call it before the handler returns. */
  respondWith(result: unknown): void;
}

export const toolLimits = { tools: 32, rounds: 5, resultLength: 20_000, waitMs: 30_000 } as const;

export const isTool = (value: unknown): value is SiteTool =>
  typeof value === 'object' && value !== null && 'name' in value && /^[\w-]{1,64}$/.test(String(value.name));

/** In the form of a request; what names no tool is left out. */
export const toolList = (tools: readonly unknown[]): readonly object[] =>
  tools
    .filter(isTool)
    .slice(0, toolLimits.tools)
    .map(({ name, description, parameters }) => ({ type: 'function', function: { name, description, parameters } }));

/**
 * Has the site answer a call. A handler that is missing, fails or takes too long is told to the model, which can say so.
 * @param dispatch hands the request to the site's handlers, synchronously.
 * @returns text for the model.
 */
export async function answerCall(
  { name, arguments: json }: ToolCall,
  dispatch: (request: ToolRequest) => void,
  timeout: (ms: number) => AbortSignal,
): Promise<string> {
  let result: { readonly value: unknown } | undefined;
  dispatch({ name, arguments: parseArguments(json), respondWith: (value) => (result ??= { value }) });
  if (!result) return 'Error: this page has no handler for this function.';
  const late = timeout(toolLimits.waitMs);
  const tooLate = new Promise<never>((_, reject) =>
    late.addEventListener('abort', () => reject(new Error('it took too long')), { once: true }),
  );
  try {
    const value = await Promise.race([result.value, tooLate]);
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'done');
    return text.slice(0, toolLimits.resultLength);
  } catch (error) {
    return `Error: ${error instanceof Error ? error.message.slice(0, 300) : 'the function failed'}`;
  }
}

function parseArguments(json: string): unknown {
  try {
    return JSON.parse(json || '{}');
  } catch {
    return {};
  }
}
