import type { Handler } from 'hono';
import { readChatRequest } from '../chat-request.ts';
import { generate, type GenerateComponents } from './generate.ts';

/** `POST /v1/chat/completions`. */
export const chatCompletions = (components: GenerateComponents): Handler => generate(components, readChatRequest);
