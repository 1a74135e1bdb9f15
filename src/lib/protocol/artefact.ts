import { z } from 'zod';
import { hashRecord } from './hash.ts';
import { hashSchema, type ArtefactId } from './ids.ts';

/** A model's files. Two quantisations of one model have two manifests and are therefore two artefacts. */
export interface Manifest {
  readonly files: readonly ManifestFile[];
}

export interface ManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export const manifestSchema = z.object({
  files: z
    .array(
      z.object({ path: z.string().min(1).max(512), sizeBytes: z.number().int().nonnegative(), sha256: hashSchema }),
    )
    .min(1)
    .max(4_096),
});

/**
 * SHA-256 of the DAG-CBOR array of `[path, sizeBytes, sha256]`, sorted by path (by UTF-16 code unit); 64 hex digits.
 */
export function artefactId(manifest: Manifest): ArtefactId {
  const rows = [...manifest.files]
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .map((file) => [file.path, file.sizeBytes, file.sha256]);
  return hashRecord(rows);
}
