import type { Handler } from 'hono';
import { readEmbeddingRequest } from '../embedding-request.ts';
import { generate, type GenerateComponents } from './generate.ts';

/** `POST /v1/embeddings`. */
export const embeddings = (components: GenerateComponents): Handler => generate(components, readEmbeddingRequest);
