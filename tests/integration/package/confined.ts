import { spawnSync } from 'node:child_process';
import { writeFileSync, chmodSync } from 'node:fs';
import { isRoot, nobody } from './installed.ts';

/** Whether this process may make mounts that only its children see. */
export const canConfine = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

/**
 * Writes a program in the place of Node that runs it as a container would: everything read-only except `DATA_DIR`, as a user
 * without any capability and without a way to get one.
 */
export function writeConfined(file: string, node: string): void {
  const { uid, gid } = nobody;
  const user = `--reuid ${uid} --regid ${gid} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all`;
  const steps = [
    'mount --make-rprivate /',
    'mount --bind "$DATA_DIR" "$DATA_DIR"',
    'mount -o remount,bind,ro /',
    `exec setpriv ${user} -- "$0" "$@"`,
  ];
  writeFileSync(file, `#!/bin/sh\nexec unshare --mount -- sh -c '${steps.join(' && ')}' ${node} "$@"\n`);
  chmodSync(file, 0o755);
}
