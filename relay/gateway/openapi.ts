import { z } from 'zod';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { build } from '#lib/protocol/version.ts';

/** The parts of an OpenAPI 3.1 document that this gateway writes. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  /** By status; `default` stands for every error. */
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
  readonly security?: readonly Readonly<Record<string, readonly []>>[];
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: JsonSchema;
}

export type JsonSchema = Readonly<Record<string, unknown>>;
type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** A route as the document shows it, by the schemas that its handler reads with and writes by. */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'delete';
  /** With parameters in braces, of which each is a string. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject | undefined;
  readonly request?: z.ZodType | undefined;
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** What the caller may or must show. */
  readonly credential?: 'key' | 'session' | undefined;
}

export interface AnswerDescription {
  readonly description: string;
  /** By media type; without any, there is no body. */
  readonly content?: Readonly<Record<string, z.ZodType>> | undefined;
}

const description =
  "OpenAI's API, answered by the peers of this network. Members that a schema does not name are reported as ignored, or " +
  'refused where they would change the answer.';

/** @param routes in the order in which they are to be shown. */
export function openApiDocument(routes: readonly RouteDescription[]): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = writeOperation(route);
  return {
    openapi: '3.1.0',
    info: { title: 'Tabloom gateway', version: build, description },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Error: toJsonSchema(openAIErrorBodySchema, 'output') },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key of this relay, where it requires one.' },
        session: { type: 'http', scheme: 'bearer', description: 'The token of POST /v1/auth/sign-in.' },
      },
    },
  };
}

const errorResponse = {
  description: 'An error, with its code and the member at fault.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

function writeOperation({ method, path, summary, query, request, answers, credential }: RouteDescription): Operation {
  const parameters = [...pathParameters(path), ...(query ? queryParameters(query) : [])];
  return {
    operationId: operationId(method, path),
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request
      ? { requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(request, 'input') } } } }
      : {}),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, writeAnswer(answer)])),
      default: errorResponse,
    },
    ...(credential === 'session'
      ? { security: [{ session: [] }] }
      : credential === 'key'
        ? { security: [{ key: [] }, {}] }
        : {}),
  };
}

const writeAnswer = ({ description: says, content }: AnswerDescription) => ({
  description: says,
  ...(content
    ? {
        content: Object.fromEntries(
          Object.entries(content).map(([type, schema]) => [type, { schema: toJsonSchema(schema, 'output') }]),
        ),
      }
    : {}),
});

const pathParameters = (path: string): readonly Parameter[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

/** As what they are read to: in the address itself everything is text. */
const queryParameters = (query: z.ZodObject): readonly Parameter[] =>
  Object.entries((toJsonSchema(query, 'output')['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).map(
    ([name, schema]) => ({ name, in: 'query', required: false, schema }),
  );

const operationId = (method: string, path: string): string =>
  [method, ...path.replace('/v1', '').split(/[^a-z]+/)].filter((word) => word !== '').join('_');

/** Refinements have no form in JSON Schema and are left out. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return json;
}
