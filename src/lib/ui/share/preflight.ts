import type { DeviceView } from '#lib/state/device.ts';
import type { ModelView } from '#lib/state/library.ts';
import { formatBytes } from '../sizes.ts';

/** What this device can do, in a sentence; pure, from what was seen of it. */
export function preflightSentence(device: DeviceView, models: readonly ModelView[]): string {
  const fitting = models.filter((model) => model.fit.fits);
  const place =
    device.webgpu === 'ready' && !device.softwareAdapter
      ? `a graphics processor${device.adapter ? ` (${device.adapter})` : ''} ${device.f16 ? 'with' : 'without'} 16-bit arithmetic`
      : device.webgpu === 'ready'
        ? 'WebGPU only in software, so models run on the processor'
        : 'no usable WebGPU, so models run on the processor';
  const memory = device.memoryGiB === undefined ? '' : `, at least ${device.memoryGiB} GB of memory`;
  const room =
    device.quotaBytes === undefined
      ? ''
      : ` and ${formatBytes(Math.max(0, device.quotaBytes - (device.usedBytes ?? 0)))} of room for models`;
  const power = device.battery && !device.battery.charging ? ' It runs on battery now.' : '';
  const list =
    fitting.length === 0
      ? 'None of the models known here fits.'
      : `It can run ${fitting.length === 1 ? fitting[0]!.title : `${fitting.length} of the models known here`}.`;
  return `This device has ${place}${memory}${room}. ${list}${power}${device.phone ? ' It looks like a phone: the system may close the tab to save memory, so asking suits it better than lending.' : ''}`;
}

/** Why lending rests, or why it ended. */
export const pauseWords = {
  asked: 'Paused by you.',
  battery: 'Paused while this device runs on battery.',
  metered: 'Paused on a metered connection.',
  frozen: 'Paused: the browser froze this tab.',
  guest: 'Lending ended: another tab of this browser has this device’s key now.',
  duty: 'Resting, to stay below the limit you set.',
  hours: 'Lending ended after the hours you set.',
  unloaded: 'Lending ended: its model was unloaded, or gave way to another.',
} as const;
