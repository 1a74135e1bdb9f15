import type { JobState } from '#lib/peer/session/job-state.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { embedding } from '#lib/protocol/kinds/embedding.ts';
import { limits } from '#lib/protocol/limits.ts';
import { embeddingRequestSchema } from '#lib/protocol/openai.ts';
import { describeAnswer, writeUsage, type AnswerFormat, type AnswerMetadata } from './answer.ts';
import { badRequest } from './errors.ts';
import { assertSupported, readModel, type ModelList } from './model-list.ts';
import { findIgnored } from './parameters.ts';
import { parseMember, readExtensions, type ParsedRequest } from './request.ts';

/** Parses a request for embeddings. @throws as `readChatRequest` does. */
export function readEmbeddingRequest(body: unknown, headers: Headers, models: ModelList): ParsedRequest {
  const request = parseMember(embeddingRequestSchema, body);
  const terms = readExtensions(request, headers);
  const model = readModel(request.model, models);
  const texts = typeof request.input === 'string' ? [request.input] : request.input;
  if (texts.length > limits.embeddingTextsMax) {
    throw badRequest(`"input" takes at most ${limits.embeddingTextsMax} strings. Send them in parts.`, 'input');
  }
  const work = {
    kind: 'embedding' as const,
    input: parseMember(embedding.input, { texts }),
    params: parseMember(embedding.params, { dimensions: request.dimensions ?? undefined }),
  };
  assertSupported(request.model, work, models);
  return {
    model: request.model,
    answer: 'whole',
    usageChunk: 'omitted',
    maxTokens: undefined,
    contextTokens: models.find(request.model)?.contextTokens,
    warnings: findIgnored(request, 'embedding'),
    format: embeddingFormat(texts.length, request.encoding_format ?? 'float'),
    ask: { ...work, ...terms, model },
  };
}

function embeddingFormat(count: number, encoding: 'float' | 'base64'): AnswerFormat {
  const write = (bytes: Uint8Array) => {
    if (encoding === 'base64') return Buffer.from(bytes).toString('base64');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.byteLength / 4 }, (_, at) => view.getFloat32(at * 4, true));
  };
  return {
    whole(metadata: AnswerMetadata, state: JobState) {
      const { data } = state.output;
      if (data.length !== count) throw wireError('peer-failed', 'The model left texts out. Try again.');
      return {
        object: 'list',
        data: data.map(({ chunks }, index) => ({
          object: 'embedding',
          index,
          embedding: write(Buffer.concat(chunks)),
        })),
        model: state.worker?.model ?? metadata.model,
        usage: writeUsage(state.usage),
        tabloom: describeAnswer(metadata, state),
      };
    },
    chunks() {
      throw wireError('bad-request', 'Embeddings are not streamed.');
    },
  };
}
