import { prebuiltAppConfig } from '@mlc-ai/web-llm';
import { expect, test } from 'vitest';
import { catalog } from '#lib/engine/catalog.ts';

test('the catalog lists nothing that the pinned WebLLM does not, and as it does', () => {
  const listed = new Map(prebuiltAppConfig.model_list.map((record) => [record.model, record]));
  for (const { name, source, memoryBytes, contextTokens } of catalog) {
    if (source.kind !== 'mlc') continue;
    const record = listed.get(source.weightsUrl.replace('/resolve/main/', ''));
    expect(record, name).toMatchObject({
      model_lib: source.libraryUrl,
      overrides: { context_window_size: contextTokens },
    });
    expect(memoryBytes).toBe(Math.round(record!.vram_required_MB! * 1024 * 1024));
  }
});
