import { m } from '#messages';
import type { DeviceView } from '#lib/state/device.ts';
import type { ModelView } from '#lib/state/library.ts';
import { formatBytes } from '../sizes.ts';

/** Describes what this device can run, in short sentences. */
export function preflightText(device: DeviceView, models: readonly ModelView[]): string {
  const fitting = models.filter((model) => model.fit.fits);
  const sentences = [
    placeSentence(device),
    device.memoryGiB === undefined ? '' : m.preflight_memory({ count: device.memoryGiB }),
    device.quotaBytes === undefined
      ? ''
      : m.preflight_room({ size: formatBytes(Math.max(0, device.quotaBytes - (device.usedBytes ?? 0))) }),
    fitting.length === 0
      ? m.preflight_nothing()
      : fitting.length === 1
        ? m.preflight_one({ title: fitting[0]!.title })
        : m.preflight_some({ count: fitting.length }),
    device.battery && !device.battery.charging ? m.preflight_battery() : '',
    device.phone ? m.preflight_phone() : '',
  ];
  return sentences.filter(Boolean).join(' ');
}

function placeSentence({ webgpu, softwareAdapter, adapter = m.preflight_adapter_unknown(), f16 }: DeviceView): string {
  if (webgpu !== 'ready') return m.preflight_cpu();
  if (softwareAdapter) return m.preflight_software();
  return f16 ? m.preflight_gpu_f16({ adapter }) : m.preflight_gpu_f32({ adapter });
}

/** Why sharing is paused or has ended. */
export const pauseText = {
  asked: m.why_asked,
  battery: m.why_battery,
  metered: m.why_metered,
  frozen: m.why_frozen,
  guest: m.why_guest,
  duty: m.why_duty,
  schedule: m.why_schedule,
  present: m.why_present,
  hours: m.why_hours,
  unloaded: m.why_unloaded,
} as const;
