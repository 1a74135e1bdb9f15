import { z } from 'zod';
import { abortError } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { readMessage, type RpcMessage } from './mcp-stream.ts';

export interface McpServer {
  readonly url: string;
  /** A token, or a header as `Name: value`; empty for none. */
  readonly secret: string;
}

export interface McpTool {
  readonly name: string;
  readonly description: string;
  /** As JSON text. */
  readonly parameters: string;
}

const requestTimeoutMs = 20_000;
const callTimeoutMs = 60_000;
/** Of lists of tools, each of at most a mebibyte. */
const pagesMax = 8;
const protocolVersion = '2025-06-18';

const initializedSchema = z.object({ protocolVersion: z.string().regex(/^\d{4}-\d{2}-\d{2}$/) });
const toolsSchema = z.object({
  tools: z
    .array(
      z.object({
        name: z.string().min(1).max(128),
        description: z.string().optional(),
        inputSchema: z.looseObject({}),
      }),
    )
    .max(1_000),
  nextCursor: z.string().max(4_096).optional(),
});
const contentSchema = z.object({
  content: z
    .array(
      z.looseObject({
        type: z.string(),
        text: z.string().optional(),
        resource: z.looseObject({ text: z.string().optional() }).optional(),
      }),
    )
    .max(1_000)
    .default([]),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().optional(),
});

interface Session {
  readonly id: string | undefined;
  readonly version: string;
}

/**
 * One tool server by the streamable HTTP transport of MCP (revision 2025-06-18): as much of it as listing and calling takes. It follows no
 * redirect, sends no cookie, and believes nothing about length, time or form. What the server asks of this side is left unanswered.
 */
export function createMcpClient(
  server: McpServer,
  { fetch, clock }: { readonly fetch: typeof globalThis.fetch; readonly clock: Clock },
) {
  let session: Promise<Session> | undefined;
  let nextId = 1;

  const post = async (body: object, of: Session | undefined, signal: AbortSignal): Promise<Response> => {
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...secretHeader(server.secret),
      ...(of ? { 'mcp-protocol-version': of.version } : {}),
      ...(of?.id === undefined ? {} : { 'mcp-session-id': of.id }),
    };
    let response: Response;
    try {
      response = await fetch(server.url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
        redirect: 'manual',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
        signal,
      });
    } catch (cause) {
      if (signal.aborted) throw abortError(signal);
      throw fault('unreachable', cause);
    }
    const { status, type } = response;
    if (response.ok) return response;
    await response.body?.cancel().catch(() => undefined);
    if (type === 'opaqueredirect' || (status >= 300 && status < 400)) throw fault('redirects');
    if (status === 401 || status === 403) throw fault('refused');
    throw fault('failed', undefined, status);
  };

  const within = async <T>(
    ms: number,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const deadline = startDeadline(clock, ms, { signal, error: () => fault('slow') });
    try {
      return await work(deadline.signal);
    } catch (error) {
      throw deadline.signal.aborted ? abortError(deadline.signal) : error;
    } finally {
      deadline.clear();
    }
  };

  const request = async (method: string, params: object, of: Session | undefined, signal: AbortSignal) => {
    const id = nextId++;
    const response = await post({ id, method, params }, of, signal);
    return { response, message: await readMessage(response, id, fault) };
  };

  const open = async (signal: AbortSignal): Promise<Session> => {
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'Tabloom', version: '1' } };
    const { response, message } = await request('initialize', params, undefined, signal);
    const { protocolVersion: version } = parse(initializedSchema, resultOf(message));
    const id = response.headers.get('mcp-session-id') ?? undefined;
    const opened = { id, version };
    const told = await post({ method: 'notifications/initialized' }, opened, signal);
    await told.body?.cancel().catch(() => undefined);
    return opened;
  };

  /** Within a session that is opened once; one that the server has forgotten is opened anew, once. */
  const ask = async (method: string, params: object, signal: AbortSignal): Promise<unknown> => {
    const isNew = session === undefined;
    session ??= open(signal);
    try {
      const { message } = await request(method, params, await session, signal);
      return resultOf(message);
    } catch (error) {
      if (error instanceof TabloomError && error.code === 'tool-call-failed') throw error;
      session = undefined;
      if (isNew || !(error instanceof TabloomError) || error.details['status'] !== 404) throw error;
      return ask(method, params, signal);
    }
  };

  return {
    list: (signal?: AbortSignal) =>
      within(requestTimeoutMs, signal, async (deadline): Promise<readonly McpTool[]> => {
        const tools: McpTool[] = [];
        let cursor: string | undefined;
        for (let page = 0; page < pagesMax; page++) {
          const read = parse(toolsSchema, await ask('tools/list', cursor === undefined ? {} : { cursor }, deadline));
          tools.push(
            ...read.tools.map(({ name, description = '', inputSchema }) => ({
              name,
              description,
              parameters: JSON.stringify(inputSchema),
            })),
          );
          if (read.nextCursor === undefined) return tools;
          cursor = read.nextCursor;
        }
        throw fault('flood');
      }),
    call: (name: string, given: object, signal?: AbortSignal) =>
      within(callTimeoutMs, signal, async (deadline): Promise<string> => {
        const { content, structuredContent, isError } = parse(
          contentSchema,
          await ask('tools/call', { name, arguments: given }, deadline),
        );
        const texts = content.map(({ type, text, resource }) => text ?? resource?.text ?? `[${type.slice(0, 32)}]`);
        const told =
          texts.length > 0 || structuredContent === undefined ? texts.join('\n') : JSON.stringify(structuredContent);
        if (isError) throw new TabloomError('tool-call-failed', told.slice(0, 4_000));
        return told;
      }),
  };
}

function resultOf({ result, error }: RpcMessage): unknown {
  if (error) throw new TabloomError('tool-call-failed', error.message.slice(0, 4_000));
  return result;
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw fault('bad', parsed.error);
  return parsed.data;
}

function secretHeader(secret: string): Readonly<Record<string, string>> {
  if (secret === '') return {};
  const named = /^([A-Za-z0-9-]{1,64}):\s*(\S.*)$/.exec(secret);
  return named ? { [named[1]!.toLowerCase()]: named[2]! } : { authorization: `Bearer ${secret}` };
}

const faults = {
  unreachable:
    'The tool server cannot be reached, or does not let this page speak to it. Check its address, and that it allows this origin.',
  redirects: 'The tool server sends the page elsewhere, which is not followed. Add the address that it leads to.',
  refused: 'The tool server does not accept this token. Add the server again with another one.',
  failed: 'The tool server answered with an error. Try again later.',
  slow: 'The tool server did not answer in time. Try again later.',
  flood: 'The tool server sent more than can be taken. Its answer was thrown away.',
  bad: 'What the tool server sent is not the protocol MCP. Check its address.',
} as const;

export type McpFault = keyof typeof faults;

const fault = (which: McpFault, cause?: unknown, status?: number): TabloomError =>
  new TabloomError(`tool-server-${which}`, faults[which], { cause, details: status === undefined ? {} : { status } });
