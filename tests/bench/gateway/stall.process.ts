import { writeFileSync } from 'node:fs';

/**
 * Loaded into a process before its program: watches how late a timer of 5 ms comes, and on SIGUSR2 writes the most so far,
 * in ms, to the file that STALL_FILE names, and begins anew.
 */
const everyMs = 5;
let lastMs = performance.now();
let longestMs = 0;

setInterval(() => {
  const nowMs = performance.now();
  longestMs = Math.max(longestMs, nowMs - lastMs - everyMs);
  lastMs = nowMs;
}, everyMs).unref();

process.on('SIGUSR2', () => {
  writeFileSync(process.env['STALL_FILE']!, longestMs.toFixed(1));
  longestMs = 0;
});
