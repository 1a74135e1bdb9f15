import type { JobState } from '#lib/peer/session/job-state.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { embedding } from '#lib/protocol/kinds/embedding.ts';
import { limits } from '#lib/protocol/limits.ts';
import { embeddingRequestSchema } from '#lib/protocol/openai.ts';
import { describeAnswer, writeUsage, type AnswerForm, type AnswerHead } from './answer.ts';
import { badRequest } from './errors.ts';
import { assertAble, readModel, type Shelf } from './model-list.ts';
import { findWarnings } from './parameters.ts';
import { parseMember, readTerms, type Wish } from './request.ts';

/** Reads a request for embeddings. @throws as `readChatRequest` does. */
export function readEmbeddingRequest(body: unknown, headers: Headers, shelf: Shelf): Wish {
  const request = parseMember(embeddingRequestSchema, body);
  const terms = readTerms(request, headers);
  const model = readModel(request.model, shelf);
  const texts = typeof request.input === 'string' ? [request.input] : request.input;
  if (texts.length > limits.embeddingTextsMax) {
    throw badRequest(`"input" takes at most ${limits.embeddingTextsMax} strings. Send them in parts.`, 'input');
  }
  const work = {
    kind: 'embedding' as const,
    input: parseMember(embedding.input, { texts }),
    params: parseMember(embedding.params, { dimensions: request.dimensions ?? undefined }),
  };
  assertAble(request.model, work, shelf);
  return {
    model: request.model,
    answer: 'whole',
    usageChunk: 'omitted',
    maxTokens: undefined,
    contextTokens: shelf.find(request.model)?.contextTokens,
    warnings: findWarnings(request, 'embedding'),
    form: embeddingForm(texts.length, request.encoding_format ?? 'float'),
    ask: { ...work, ...terms, model },
  };
}

function embeddingForm(count: number, encoding: 'float' | 'base64'): AnswerForm {
  const write = (bytes: Uint8Array) => {
    if (encoding === 'base64') return Buffer.from(bytes).toString('base64');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.byteLength / 4 }, (_, at) => view.getFloat32(at * 4, true));
  };
  return {
    whole(head: AnswerHead, state: JobState) {
      const { data } = state.output;
      if (data.length !== count) throw wireError('peer-failed', 'The model left texts out. Try again.');
      return {
        object: 'list',
        data: data.map(({ chunks }, index) => ({
          object: 'embedding',
          index,
          embedding: write(Buffer.concat(chunks)),
        })),
        model: state.worker?.model ?? head.model,
        usage: writeUsage(state.usage),
        tabloom: describeAnswer(head, state),
      };
    },
    chunks() {
      throw wireError('bad-request', 'Embeddings are not streamed.');
    },
  };
}
