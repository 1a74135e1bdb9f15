import type { CompiledLibrary } from './library.ts';
import { marks } from './tokenizer.ts';

/** The `mlc-chat-config.json` of a model with random weights: ChatML, and sizes as the library was compiled for. */
export function chatConfig(library: CompiledLibrary, vocabularySize: number): string {
  const markIds = marks.map((_, index) => vocabularySize - marks.length + index);
  return JSON.stringify({
    version: '0.1.0',
    model_type: library.model_type,
    quantization: library.quantization,
    vocab_size: vocabularySize,
    context_window_size: library.context_window_size,
    sliding_window_size: -1,
    attention_sink_size: -1,
    prefill_chunk_size: library.prefill_chunk_size,
    tensor_parallel_shards: 1,
    temperature: 0.7,
    top_p: 0.95,
    presence_penalty: 0,
    frequency_penalty: 0,
    repetition_penalty: 1,
    pad_token_id: markIds[0],
    bos_token_id: markIds[0],
    eos_token_id: [markIds[2], markIds[0]],
    tokenizer_files: ['tokenizer.json'],
    tokenizer_info: {
      token_postproc_method: 'byte_level',
      prepend_space_in_encode: false,
      strip_space_in_decode: false,
    },
    conv_template: {
      name: 'chatml',
      system_template: '<|im_start|>system\n{system_message}<|im_end|>\n',
      system_message: 'Hello',
      add_role_after_system_message: true,
      roles: { user: '<|im_start|>user', assistant: '<|im_start|>assistant' },
      role_templates: { user: '{user_message}', assistant: '{assistant_message}', tool: '{tool_message}' },
      messages: [],
      seps: ['<|im_end|>\n'],
      role_content_sep: '\n',
      role_empty_sep: '\n',
      stop_str: [],
      stop_token_ids: [markIds[0], markIds[2]],
      function_string: '',
      use_function_calling: false,
    },
  });
}
