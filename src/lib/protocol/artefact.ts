import { z } from 'zod';
import { hashRecord } from './hash.ts';
import { hashSchema, type ArtefactId } from './ids.ts';

/** A model's files. "The same model" in two quantisations is two manifests and so two artefacts. */
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

/** SHA-256 over the DAG-CBOR of the files sorted by path (by code unit), each as `[path, size, sha256]`. */
export function artefactId(manifest: Manifest): ArtefactId {
  const rows = [...manifest.files]
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .map((file) => [file.path, file.sizeBytes, file.sha256]);
  return hashRecord(rows);
}
