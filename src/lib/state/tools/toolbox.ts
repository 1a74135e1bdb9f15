import { z } from 'zod';
import { throwIfAborted } from '#lib/base/abort.ts';
import { TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import type { ChatTool, ToolCall } from '#lib/protocol/kinds/chat.ts';
import { calculate } from './calculator.ts';
import { readClock } from './clock-tool.ts';

export const toolNames = ['calculator', 'clock', 'javascript'] as const;
export type ToolName = (typeof toolNames)[number];

/** A call and what came of it, as the model is told and as it is shown. */
export interface ToolResult extends ToolCall {
  readonly text: string;
  readonly outcome: 'done' | 'failed';
}

/** Runs a script apart from the page. @throws `script-failed`, `script-too-slow`, `part-missing`, `aborted`. */
export type RunScript = (code: string, options: { readonly signal: AbortSignal }) => Promise<string>;

export interface ToolboxComponents {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The device's time zone. */
  readonly zone: () => string;
  readonly runScript: RunScript;
  /** Calls a tool of a server that the user has added, by the name that it is offered as. */
  readonly callServer: (name: string, text: string, options: { readonly signal: AbortSignal }) => Promise<string>;
}

/** Characters of a result at most; what is longer says so. */
const resultLengthMax = 8_000;
/** Calls of one answer that are run. */
const callsMax = 16;

const inputs = {
  calculator: z.object({ expression: z.string() }),
  clock: z.object({ timeZone: z.string().nullish() }),
  javascript: z.object({ code: z.string().max(100_000) }),
} as const;

const descriptions: Readonly<Record<ToolName, string>> = {
  calculator: 'Works out an arithmetic expression exactly: + - * / % ^ ( ) sqrt abs floor ceil round min max.',
  clock: 'Tells the date and the time of day now.',
  javascript:
    'Runs JavaScript without network, files or page, for at most 2 seconds. Returns what is logged and the value of the last expression.',
};

const parameters: Readonly<Record<ToolName, object>> = {
  calculator: objectOf({ expression: { type: 'string', description: 'Such as (1.5 + 2) * 3^2' } }, ['expression']),
  clock: objectOf({ timeZone: { type: 'string', description: 'IANA name such as Europe/Berlin' } }, []),
  javascript: objectOf({ code: { type: 'string' } }, ['code']),
};

function objectOf(properties: object, required: readonly string[]): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

export const toolsFor = (names: readonly ToolName[]) =>
  names.map((name) => ({
    name,
    description: descriptions[name],
    parameters: JSON.stringify(parameters[name]),
  })) satisfies ChatTool[];

export type Toolbox = ReturnType<typeof createToolbox>;

/** Runs on this device what a model calls. A call that cannot be run is a result that says so, never an error. */
export function createToolbox({ now, zone, runScript, callServer }: ToolboxComponents) {
  const run = async (name: ToolName, text: string, signal: AbortSignal): Promise<string> => {
    switch (name) {
      case 'calculator':
        return calculate(read('calculator', text).expression);
      case 'clock':
        return readClock(read('clock', text).timeZone ?? undefined, now(), zone());
      case 'javascript':
        return runScript(read('javascript', text).code, { signal });
    }
  };

  const runOne = async (call: ToolCall, allowed: readonly string[], signal: AbortSignal): Promise<ToolResult> => {
    try {
      if (!allowed.includes(call.name))
        throw new TabloomError(
          'tool-unknown',
          `There is no tool "${call.name}" here. There are: ${allowed.join(', ')}.`,
        );
      const own = toolNames.find((one) => one === call.name);
      const text = own
        ? await run(own, call.arguments, signal)
        : await callServer(call.name, call.arguments, { signal });
      return { ...call, text: bounded(text), outcome: 'done' };
    } catch (error) {
      throwIfAborted(signal);
      const { code, message } = toErrorRecord(error);
      return { ...call, text: bounded(`Error (${code}): ${message}`), outcome: 'failed' };
    }
  };

  return {
    /** One after the other, in order. @throws `aborted` only. */
    async run(
      calls: readonly ToolCall[],
      allowed: readonly string[],
      { signal }: { readonly signal: AbortSignal },
    ): Promise<readonly ToolResult[]> {
      const results: ToolResult[] = [];
      for (const [index, call] of calls.entries()) {
        if (index < callsMax) results.push(await runOne(call, allowed, signal));
        else
          results.push({
            ...call,
            text: `Error (too-many-calls): At most ${callsMax} calls are run at once.`,
            outcome: 'failed',
          });
        throwIfAborted(signal);
      }
      return results;
    },
  };
}

/** @throws `tool-arguments`. */
function read<Name extends ToolName>(name: Name, text: string): z.output<(typeof inputs)[Name]> {
  let value: unknown;
  try {
    // Some models leave out the braces where nothing is to be said.
    value = JSON.parse(text.trim() || '{}');
  } catch (cause) {
    throw new TabloomError('tool-arguments', `The arguments of ${name} are not valid JSON.`, { cause });
  }
  const parsed = inputs[name].safeParse(value);
  if (parsed.success) return parsed.data as z.output<(typeof inputs)[Name]>;
  const wanted = JSON.stringify(parameters[name]);
  throw new TabloomError('tool-arguments', `The arguments of ${name} do not fit its schema ${wanted}.`);
}

const bounded = (text: string): string =>
  text.length <= resultLengthMax
    ? text
    : `${text.slice(0, resultLengthMax)}\n[The first ${resultLengthMax} of ${text.length} characters.]`;
