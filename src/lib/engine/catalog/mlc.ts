import type { ModelEntry } from '../spec.ts';
import { mlcArtefact } from './mlc-artefact.ts';

/** Where the weights and libraries of the catalog's WebLLM models are published. Both may be mirrored. */
const weightsOrigin = 'https://huggingface.co/mlc-ai/';
const libraryFolder = 'https://raw.githubusercontent.com/mlc-ai/binary-mlc-llm-libs/main/web-llm-models/v0_2_86/base/';
const contextTokens = 4_096;

/** One model in two builds: `f16` needs the device's `shader-f16` feature, `f32` runs everywhere; some have only `f16`. */
interface MlcRow {
  readonly name: string;
  readonly title: string;
  /** Name of the published weights without `-q4f16_1-MLC`. */
  readonly weights: string;
  /** Name of the library without `-q4f16_1_cs1k-webgpu.wasm`; several weights share one. */
  readonly library: string;
  readonly parameters: number;
  /** Shape of the embedding matrix, which is the largest tensor. */
  readonly embedding: readonly [entries: number, width: number];
  readonly licence: string;
  /** `vram_required_MB` of WebLLM 0.2.86 for a context of 4,096 tokens. */
  readonly vramMb: { readonly f16: number; readonly f32?: number };
}

/* prettier-ignore */
const rows: readonly MlcRow[] = [
  { name: 'smollm2-360m', title: 'SmolLM2 360M', weights: 'SmolLM2-360M-Instruct', library: 'SmolLM2-360M-Instruct', parameters: 361_821_120, embedding: [49_152, 960], licence: 'Apache-2.0', vramMb: { f16: 376.06, f32: 579.61 } },
  { name: 'smollm2-1.7b', title: 'SmolLM2 1.7B', weights: 'SmolLM2-1.7B-Instruct', library: 'SmolLM2-1.7B-Instruct', parameters: 1_711_376_384, embedding: [49_152, 2_048], licence: 'Apache-2.0', vramMb: { f16: 1774.19, f32: 2692.38 } },
  { name: 'qwen2.5-0.5b', title: 'Qwen2.5 0.5B', weights: 'Qwen2.5-0.5B-Instruct', library: 'Qwen2-0.5B-Instruct', parameters: 494_032_768, embedding: [151_936, 896], licence: 'Apache-2.0', vramMb: { f16: 944.62, f32: 1060.2 } },
  { name: 'qwen2.5-1.5b', title: 'Qwen2.5 1.5B', weights: 'Qwen2.5-1.5B-Instruct', library: 'Qwen2-1.5B-Instruct', parameters: 1_543_714_304, embedding: [151_936, 1_536], licence: 'Apache-2.0', vramMb: { f16: 1629.75, f32: 1888.97 } },
  { name: 'qwen2.5-7b', title: 'Qwen2.5 7B', weights: 'Qwen2.5-7B-Instruct', library: 'Qwen2-7B-Instruct', parameters: 7_615_616_512, embedding: [152_064, 3_584], licence: 'Apache-2.0', vramMb: { f16: 5106.67, f32: 5900.09 } },
  { name: 'qwen3-0.6b', title: 'Qwen3 0.6B', weights: 'Qwen3-0.6B', library: 'Qwen3-0.6B', parameters: 596_049_920, embedding: [151_936, 1_024], licence: 'Apache-2.0', vramMb: { f16: 1403.34, f32: 1924.98 } },
  { name: 'qwen3-1.7b', title: 'Qwen3 1.7B', weights: 'Qwen3-1.7B', library: 'Qwen3-1.7B', parameters: 1_720_574_976, embedding: [151_936, 2_048], licence: 'Apache-2.0', vramMb: { f16: 2036.66, f32: 2635.44 } },
  { name: 'qwen3-4b', title: 'Qwen3 4B', weights: 'Qwen3-4B', library: 'Qwen3-4B', parameters: 4_022_468_096, embedding: [151_936, 2_560], licence: 'Apache-2.0', vramMb: { f16: 3431.59, f32: 4327.71 } },
  { name: 'qwen3-8b', title: 'Qwen3 8B', weights: 'Qwen3-8B', library: 'Qwen3-8B', parameters: 8_190_735_360, embedding: [151_936, 4_096], licence: 'Apache-2.0', vramMb: { f16: 5695.78, f32: 6852.55 } },
  { name: 'gemma-3-1b', title: 'Gemma 3 1B', weights: 'gemma3-1b-it', library: 'gemma3-1b-it', parameters: 999_885_952, embedding: [262_144, 1_152], licence: 'Gemma', vramMb: { f16: 711.07 } },
  { name: 'llama-3.2-1b', title: 'Llama 3.2 1B', weights: 'Llama-3.2-1B-Instruct', library: 'Llama-3.2-1B-Instruct', parameters: 1_235_814_400, embedding: [128_256, 2_048], licence: 'Llama-3.2', vramMb: { f16: 879.04, f32: 1128.82 } },
  { name: 'llama-3.2-3b', title: 'Llama 3.2 3B', weights: 'Llama-3.2-3B-Instruct', library: 'Llama-3.2-3B-Instruct', parameters: 3_212_749_824, embedding: [128_256, 3_072], licence: 'Llama-3.2', vramMb: { f16: 2263.69, f32: 2951.51 } },
  { name: 'llama-3.1-8b', title: 'Llama 3.1 8B', weights: 'Llama-3.1-8B-Instruct', library: 'Llama-3_1-8B-Instruct', parameters: 8_030_261_248, embedding: [128_256, 4_096], licence: 'Llama-3.1', vramMb: { f16: 5001, f32: 6101.01 } },
];

const entry = (row: MlcRow, width: 'f16' | 'f32', vramMb: number): ModelEntry => {
  const quantisation = `q4${width}_1`;
  const weightsUrl = `${weightsOrigin}${row.weights}-${quantisation}-MLC/resolve/main/`;
  const libraryUrl = `${libraryFolder}${row.library}-${quantisation}_cs1k-webgpu.wasm`;
  return {
    name: `${row.name}-${quantisation}`,
    title: row.title,
    base: row.name,
    engines: ['webllm'],
    artefact: mlcArtefact({ weightsUrl, libraryUrl }),
    contextTokens,
    quantisation,
    parameters: row.parameters,
    // Four bits and a scale of 16 (f16) or 32 bits (f32) for each group of 32 weights.
    sizeBytes: Math.round((row.parameters * (width === 'f16' ? 4.5 : 5)) / 8),
    memoryBytes: Math.round(vramMb * 1024 * 1024),
    // Four bits per weight in either build; the scales are in a separate buffer.
    largestBufferBytes: (row.embedding[0] * row.embedding[1]) / 2,
    licence: row.licence,
    source: { kind: 'mlc', weightsUrl, libraryUrl, f16: width === 'f16' },
  };
};

/** `f16` before `f32`; where there are both, `forDevice` in `fit.ts` selects the one for the device. */
export const mlcModels: readonly ModelEntry[] = rows.flatMap((row) => [
  entry(row, 'f16', row.vramMb.f16),
  ...(row.vramMb.f32 === undefined ? [] : [entry(row, 'f32', row.vramMb.f32)]),
]);
