import { isMetered, type WideNavigator } from './device.ts';
import type { SettingsKeeper } from './settings.ts';
import type { Sharing } from './sharing.ts';

/** Holds lending back while the device runs on battery or on a metered connection, as far as the browser tells. */
export async function watchPower(
  navigator: WideNavigator,
  { sharing, settings }: { readonly sharing: Sharing; readonly settings: SettingsKeeper },
): Promise<() => void> {
  const battery = await navigator.getBattery?.().catch(() => undefined);
  const apply = () => {
    const { pauseOnBattery, pauseOnMetered } = settings.view.current;
    sharing.hold('battery', pauseOnBattery && battery !== undefined && !battery.charging ? 'on' : 'off');
    sharing.hold('metered', pauseOnMetered && isMetered(navigator) === true ? 'on' : 'off');
  };
  apply();
  battery?.addEventListener('chargingchange', apply);
  navigator.connection?.addEventListener('change', apply);
  const endListening = settings.view.listen(apply);
  return () => {
    endListening();
    battery?.removeEventListener('chargingchange', apply);
    navigator.connection?.removeEventListener('change', apply);
  };
}
