import { readFile, stat } from 'node:fs/promises';
import { TabloomError } from '#lib/base/errors.ts';
import { calibrationRowsSchema, type CalibrationRow } from '#lib/trust/calibration.ts';
import { bundledRows } from './bundled-rows.ts';
import type { AuditEnv } from '../settings/auditing.ts';

const fileBytesMax = 1024 * 1024;

/** What a network has published of honest margins; where no file is named, what was measured with the bundled model. @throws `bad-setting`. */
export async function readPublishedRows({
  AUDIT_CALIBRATIONS: file,
}: Pick<AuditEnv, 'AUDIT_CALIBRATIONS'>): Promise<readonly CalibrationRow[]> {
  if (file === undefined) return bundledRows;
  let why: string;
  try {
    if ((await stat(file)).size > fileBytesMax) throw new Error('it is too large');
    const parsed = calibrationRowsSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    why = `${issue!.path.join('.') || 'the file'}: ${issue!.message}`;
  } catch (cause) {
    why = cause instanceof Error ? cause.message : String(cause);
  }
  throw new TabloomError('bad-setting', `AUDIT_CALIBRATIONS names ${file}, which cannot be used: ${why}.`);
}
