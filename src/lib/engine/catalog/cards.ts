/** What a model is for. Written by hand beside the link to its card, and not checked against it. */
export type Domain = 'chat' | 'reasoning' | 'code' | 'mathematics' | 'tools' | 'writing';

export interface ModelCard {
  readonly domains: readonly Domain[];
  /** BCP 47 tags of the languages that it is known for. */
  readonly languages: readonly string[];
  /** The publisher's own card. */
  readonly url: string;
}

const english = ['en'];
/** As far as they are known here. */
const llama = ['en', 'de', 'fr', 'it', 'pt', 'hi', 'es', 'th'];
/** Some of the languages that it was made for. */
const qwen2 = ['en', 'zh', 'fr', 'es', 'pt', 'de', 'it', 'ru', 'ja', 'ko', 'vi', 'th', 'ar'];
/** The most spoken ones. */
const qwen3 = [...qwen2, 'hi', 'bn', 'id', 'tr', 'pl', 'nl', 'uk', 'fa', 'ur', 'he', 'sv', 'cs', 'ro', 'el', 'hu'];

const card = (repository: string, domains: readonly Domain[], languages: readonly string[]): ModelCard => ({
  domains,
  languages,
  url: `https://huggingface.co/${repository}`,
});

const qwen2Domains = ['chat', 'code', 'mathematics'] as const;
const qwen3Domains = ['chat', 'reasoning', 'code', 'mathematics', 'tools', 'writing'] as const;

/** By the model's name without its quantisation. What an own model is for, nobody says. */
const cards: ReadonlyMap<string, ModelCard> = new Map([
  ['tabloom-demo', { domains: ['chat'], languages: english, url: '/models/tabloom-demo.md' }],
  ['smollm2-360m', card('HuggingFaceTB/SmolLM2-360M-Instruct', ['chat', 'writing'], english)],
  ['smollm2-1.7b', card('HuggingFaceTB/SmolLM2-1.7B-Instruct', ['chat', 'writing', 'tools'], english)],
  ['qwen2.5-0.5b', card('Qwen/Qwen2.5-0.5B-Instruct', qwen2Domains, qwen2)],
  ['qwen2.5-1.5b', card('Qwen/Qwen2.5-1.5B-Instruct', qwen2Domains, qwen2)],
  ['qwen2.5-7b', card('Qwen/Qwen2.5-7B-Instruct', qwen2Domains, qwen2)],
  ['qwen3-0.6b', card('Qwen/Qwen3-0.6B', qwen3Domains, qwen3)],
  ['qwen3-1.7b', card('Qwen/Qwen3-1.7B', qwen3Domains, qwen3)],
  ['qwen3-4b', card('Qwen/Qwen3-4B', qwen3Domains, qwen3)],
  ['qwen3-8b', card('Qwen/Qwen3-8B', qwen3Domains, qwen3)],
  ['gemma-3-1b', card('google/gemma-3-1b-it', ['chat', 'reasoning', 'writing'], english)],
  ['llama-3.2-1b', card('meta-llama/Llama-3.2-1B-Instruct', ['chat', 'writing'], llama)],
  ['llama-3.2-3b', card('meta-llama/Llama-3.2-3B-Instruct', ['chat', 'writing'], llama)],
  ['llama-3.1-8b', card('meta-llama/Llama-3.1-8B-Instruct', ['chat', 'code', 'tools'], llama)],
]);

/** Undefined for a model that is not in the catalog. */
export const cardOf = (name: string): ModelCard | undefined => cards.get(name.replace(/-q\d+f\d+(?:_\d+)?$/, ''));
