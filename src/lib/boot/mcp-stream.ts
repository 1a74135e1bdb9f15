import { z } from 'zod';
import type { McpFault } from './mcp-client.ts';

const messageSchema = z.object({
  id: z.union([z.number(), z.string()]).nullish(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** What answers a request: a result or an error. */
export interface RpcMessage {
  readonly result?: unknown;
  readonly error?: { readonly message: string } | undefined;
}

/** Of one answer, with all that the server says beside it. */
const bytesMax = 1024 * 1024;

type Fault = (which: McpFault, cause?: unknown) => Error;

/**
 * The answer to the request of this number: one JSON text, or the event of a stream that carries it. The rest of the stream is not waited
 * for. @throws `flood`, `bad`, and `unreachable` where the stream breaks off.
 */
export async function readMessage(response: Response, id: number, fault: Fault): Promise<RpcMessage> {
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const reader = response.body?.getReader();
  if (!reader || (type !== 'application/json' && type !== 'text/event-stream')) {
    await reader?.cancel().catch(() => undefined);
    throw fault('bad');
  }
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw fault('unreachable', cause);
      });
      bytes += value?.length ?? 0;
      if (bytes > bytesMax) throw fault('flood');
      text += decoder.decode(value, { stream: !done });
      if (type === 'text/event-stream') {
        const events = `${text}${done ? '\n\n' : ''}`.split(/\r\n\r\n|\n\n|\r\r/);
        text = events.pop()!;
        for (const event of events) {
          const found = answerIn(dataOf(event), id, fault);
          if (found) return found;
        }
      }
      if (!done) continue;
      const found = type === 'application/json' ? answerIn(text, id, fault) : undefined;
      if (!found) throw fault('bad');
      return found;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The data of a server-sent event; empty for a comment. */
const dataOf = (event: string): string =>
  event
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).replace(/^ /, ''))
    .join('\n');

/** Undefined for what answers nothing, or something else. */
function answerIn(json: string, id: number, fault: Fault): RpcMessage | undefined {
  if (json === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw fault('bad', cause);
  }
  const message = messageSchema.safeParse(value);
  if (!message.success) throw fault('bad', message.error);
  const { id: of, method, result, error } = message.data;
  return of === id && method === undefined ? { result, error } : undefined;
}
