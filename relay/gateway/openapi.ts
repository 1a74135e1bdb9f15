import { z } from 'zod';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { build } from '#lib/protocol/version.ts';
import type { Endpoint } from './endpoint.ts';

/** The parts of an OpenAPI 3.1 document that this gateway writes. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

export type JsonSchema = Readonly<Record<string, unknown>>;
type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** Routes that act, beside those that run a job. */
interface Action {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly param?: string;
}

const actions: readonly Action[] = [
  { method: 'post', path: '/v1/auth/nonce', summary: 'A nonce for one sign-in with a wallet (EIP-4361).' },
  { method: 'post', path: '/v1/auth/sign-in', summary: 'Signs in with a signed "message" and its "signature".' },
  { method: 'post', path: '/v1/auth/sign-out', summary: 'Ends the session of the token.' },
  { method: 'get', path: '/v1/keys', summary: 'The keys of the wallet that has signed in.' },
  {
    method: 'post',
    path: '/v1/keys',
    summary: 'Makes a key: "name", "type", "models", "origins", "caps", "expires_at".',
  },
  { method: 'delete', path: '/v1/keys/{id}', summary: 'Revokes one of them.', param: 'id' },
];

interface Read {
  readonly summary: string;
  /** The parameter in its path. */
  readonly param?: string;
}

/** Routes that only read. */
const reads: Readonly<Record<string, Read>> = {
  '/v1/models': { summary: 'The models that are served now.' },
  '/v1/models/{id}': { summary: 'One of them, by its name or artefact.', param: 'id' },
  '/v1/network': { summary: 'The capacity of each model, and the workers by peer id.' },
  '/v1/route': { summary: 'Why each worker would get a chat with a model now, or not. The query names the "model".' },
  '/v1/activity': { summary: 'Jobs and tokens by hour and model. The query may say for how many "hours".' },
  '/v1/feed': { summary: 'Each job as it ends, as server-sent events: no prompts, no addresses.' },
  '/v1/receipts/{id}': { summary: 'The signed receipts of a job, by its id or that of its answer.', param: 'id' },
  '/v1/openapi.json': { summary: 'This document.' },
  '/health': { summary: 'Whether the relay accepts requests, and how much it does.' },
};

const description =
  "OpenAI's API, answered by the peers of this network. Members that a schema does not name are reported as ignored, or " +
  'refused where they would change the answer.';

/** The gateway's routes, by the schemas that its requests are checked with. */
export function openApiDocument(endpoints: Readonly<Record<string, Endpoint>>): OpenApiDocument {
  const posts = Object.entries(endpoints).map(([path, endpoint]) => [path, { post: writeEndpoint(path, endpoint) }]);
  const gets = Object.entries(reads).map(([path, read]) => [path, { get: writeRead(path, read) }]);
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { method, path, ...action } of actions) (paths[path] ??= {})[method] = writeRead(path, action, method);
  return {
    openapi: '3.1.0',
    info: { title: 'Tabloom gateway', version: build, description },
    servers: [{ url: '/' }],
    paths: { ...Object.fromEntries([...posts, ...gets]), ...paths },
    components: { schemas: { Error: toJsonSchema(openAIErrorBodySchema, 'output') } },
  };
}

const errorResponse = {
  description: 'An error, with its code and the member at fault.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

const writeEndpoint = (path: string, { summary, request, answer }: Endpoint): Operation => ({
  operationId: operationId('post', path),
  summary,
  requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(request, 'input') } } },
  responses: {
    200: {
      description: 'The answer; as server-sent events where "stream" is true.',
      content: { 'application/json': { schema: toJsonSchema(answer, 'output') }, 'text/event-stream': { schema: {} } },
    },
    default: errorResponse,
  },
});

const writeRead = (path: string, { summary, param }: Read, method = 'get'): Operation => ({
  operationId: operationId(method, path),
  summary,
  ...(param === undefined
    ? {}
    : { parameters: [{ name: param, in: 'path', required: true, schema: { type: 'string' } }] }),
  responses: {
    200: { description: 'What it says.', content: { 'application/json': { schema: { type: 'object' } } } },
    default: errorResponse,
  },
});

const operationId = (method: string, path: string): string =>
  [method, ...path.replace('/v1', '').split(/[^a-z]+/)].filter((word) => word !== '').join('_');

/** Refinements have no form in JSON Schema and are left out. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return json;
}
