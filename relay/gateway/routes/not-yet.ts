import type { Handler } from 'hono';
import { doorError } from '../errors.ts';

/** Routes of OpenAI's API whose kinds of work the wire knows and nobody does yet. */
export const pathsNotYet = [
  '/v1/audio/speech',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/images/variations',
];

/** Says so in a way that a client can tell from a wrong path. The body is not read. */
export const notYet: Handler = () => {
  throw doorError(
    'kind-unavailable',
    'Nobody on this network makes or hears sound or draws pictures yet. Text is made at /v1/chat/completions.',
  );
};
