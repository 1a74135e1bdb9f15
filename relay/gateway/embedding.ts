import type { JobState } from '#lib/peer/session/job-state.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { embedding } from '#lib/protocol/kinds/embedding.ts';
import { limits } from '#lib/protocol/limits.ts';
import { embeddingListSchema, embeddingRequestSchema } from '#lib/protocol/openai.ts';
import { describeAnswer, writeUsage, type AnswerFormat, type AnswerMetadata } from './answer.ts';
import { embeddingParts } from './embedding-parts.ts';
import { endpoint, type Endpoint } from './endpoint.ts';
import { badRequest } from './errors.ts';
import { parseMember } from './request.ts';

const oneJob = endpoint(
  { summary: 'Turns texts into vectors.', request: embeddingRequestSchema, answer: embeddingListSchema },
  (request) => {
    const texts = typeof request.input === 'string' ? [request.input] : request.input;
    if (texts.length > limits.embeddingTextsMax) {
      throw badRequest(`"input" takes at most ${limits.embeddingTextsMax} strings. Send them in parts.`, 'input');
    }
    const input = parseMember(embedding.input, { texts }, ([, index]) =>
      typeof index === 'number' ? `input.${index}` : 'input',
    );
    const params = parseMember(embedding.params, { dimensions: request.dimensions ?? undefined });
    return {
      work: { kind: 'embedding', input, params },
      format: embeddingFormat(texts.length, request.encoding_format ?? 'float'),
    };
  },
);

/** `POST /v1/embeddings`. Many texts are several jobs. */
export const embeddingEndpoint: Endpoint = { ...oneJob, parts: embeddingParts };

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
        model: metadata.model,
        usage: writeUsage(state.usage),
        tabloom: describeAnswer(metadata, state),
      };
    },
    // Its schema refuses "stream".
    chunks() {
      throw wireError('internal');
    },
  };
}
