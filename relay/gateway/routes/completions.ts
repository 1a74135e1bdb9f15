import type { Handler } from 'hono';
import { readCompletionRequest } from '../completion-request.ts';
import { generate, type GenerateComponents } from './generate.ts';

/** `POST /v1/completions`. */
export const completions = (components: GenerateComponents): Handler => generate(components, readCompletionRequest);
