import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { catalog, customModel, findModel, modelOfArtefact, scriptedModel } from '../catalog.ts';
import { modelEntrySchema } from '../model-entry.ts';
import { cardOf } from './cards.ts';

const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return 'nothing-thrown';
};

describe('the catalog', () => {
  test('has valid entries with unique names and artefacts', () => {
    for (const row of [...catalog, scriptedModel(30)]) expect(modelEntrySchema.parse(row)).toEqual(row);
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    expect(new Set(catalog.map(({ artefact }) => artefact)).size).toBe(catalog.length);
  });

  test('has WebLLM’s models with and without f16, but Gemma 3, and the f16 build needs less memory', () => {
    const mlc = catalog.filter(({ source }) => source.kind === 'mlc');
    expect(mlc.length).toBeGreaterThan(10);
    for (const f16 of mlc.filter(({ source }) => source.kind === 'mlc' && source.f16)) {
      if (f16.name === 'gemma-3-1b-q4f16_1') continue;
      const f32 = findModel(f16.name.replace('q4f16_1', 'q4f32_1'));
      expect(f32.memoryBytes).toBeGreaterThan(f16.memoryBytes);
      expect(f32.source).toMatchObject({ kind: 'mlc', f16: false });
      expect(f32.largestBufferBytes).toBe(f16.largestBufferBytes);
      expect(f32.largestBufferBytes).toBeLessThan(f16.memoryBytes);
    }
  });

  test('says of every model what it is for and which languages it has', () => {
    for (const { name } of catalog) {
      const card = cardOf(name);
      expect(card?.domains.length, name).toBeGreaterThan(0);
      expect(card?.languages.length, name).toBeGreaterThan(0);
    }
    expect(cardOf('smollm2-360m-q4f32_1')).toBe(cardOf('smollm2-360m-q4f16_1'));
    expect(cardOf('mine')).toBeUndefined();
    expect(cardOf('__proto__')).toBeUndefined();
  });

  test('finds by name and by artefact, and throws for unknown names', () => {
    const demo = findModel('tabloom-demo');
    expect(findModel(demo.artefact)).toBe(demo);
    expect(modelOfArtefact(demo.artefact)).toBe(demo);
    expect(modelOfArtefact('0'.repeat(64))).toBeUndefined();
    expect(codeOf(() => findModel('nothing'))).toBe('model-unknown');
  });
});

describe('a custom model', () => {
  const source = {
    kind: 'mlc',
    weightsUrl: 'https://models.example/qwen/',
    libraryUrl: 'https://models.example/qwen.wasm',
    f16: false,
  } as const;

  test('is an entry like any other', () => {
    const model = customModel({ name: 'mine', source, contextTokens: 2_048 });
    expect(modelEntrySchema.parse(model)).toEqual(model);
    expect(model.engines).toEqual(['webllm']);
    const gguf = { kind: 'gguf', url: 'https://models.example/a.gguf', sizeBytes: 5, sha256: 'a'.repeat(64) } as const;
    expect(customModel({ name: 'mine', source: gguf, contextTokens: 512 }).engines).toEqual(['wllama', 'llama']);
  });

  test('infers from its library whether it needs 16-bit shaders, unless told', () => {
    const f16 = (library: string, declared?: boolean) => {
      const libraryUrl = `https://models.example/q4f16_1.mirror/../${library}`;
      const model = customModel({
        name: 'mine',
        source: { ...source, libraryUrl, f16: declared },
        contextTokens: 2_048,
      });
      return model.source.kind === 'mlc' && model.source.f16;
    };
    expect(f16('Qwen2-0.5B-Instruct-q4f16_1_cs1k-webgpu.wasm')).toBe(true);
    expect(f16('Qwen2-0.5B-Instruct-q0f16_cs1k-webgpu.wasm')).toBe(true);
    expect(f16('Qwen2-0.5B-Instruct-q4f32_1_cs1k-webgpu.wasm')).toBe(false);
    expect(f16('mine.wasm')).toBe(false);
    expect(f16('mine.wasm', true)).toBe(true);
    expect(f16('mine-q4f16_1.wasm', false)).toBe(false);
  });

  test('has an artefact id that depends on both addresses', () => {
    const other = { ...source, libraryUrl: 'https://models.example/other.wasm' };
    const artefactOf = (from: typeof source | typeof other) =>
      customModel({ name: 'mine', source: from, contextTokens: 2_048 }).artefact;
    expect(artefactOf(other)).not.toBe(artefactOf(source));
  });

  test.each([
    ['plain http', { weightsUrl: 'http://models.example/qwen/' }],
    ['a script address', { weightsUrl: 'javascript:alert(1)' }],
    ['no address', { libraryUrl: 'qwen.wasm' }],
    ['a user name', { libraryUrl: 'https://me@models.example/a.wasm' }],
    ['a library that is not wasm', { libraryUrl: 'https://models.example/a.js' }],
  ])('is refused for %s', (_, wrong) => {
    expect(codeOf(() => customModel({ name: 'mine', source: { ...source, ...wrong }, contextTokens: 2_048 }))).toBe(
      'bad-model',
    );
  });

  test('is refused for an unusable name or context size', () => {
    expect(codeOf(() => customModel({ name: '<b>', source, contextTokens: 2_048 }))).toBe('bad-model');
    expect(codeOf(() => customModel({ name: 'mine', source, contextTokens: 0 }))).toBe('bad-model');
  });

  test('may be served by this machine over http', () => {
    const local = { ...source, weightsUrl: 'http://localhost:9000/qwen/' };
    expect(customModel({ name: 'mine', source: local, contextTokens: 2_048 }).name).toBe('mine');
  });
});
