import { expect, test } from 'vitest';
import { watchInstall, type InstallOffer, type InstallScope } from './install.ts';

const chrome = 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36';
const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1';

interface Device {
  readonly userAgent?: string;
  readonly platform?: string;
  readonly touch?: number;
  readonly standalone?: boolean;
}

function openWindow({ userAgent = chrome, platform = 'Linux', touch = 0, standalone = false }: Device = {}) {
  const scope = Object.assign(new EventTarget(), {
    navigator: { userAgent, platform, maxTouchPoints: touch },
    matchMedia: () => ({ matches: standalone }),
  }) as InstallScope;
  const offer = (outcome: 'accepted' | 'dismissed' | 'refused') => {
    const event = Object.assign(new Event('beforeinstallprompt'), {
      prompt: () => (outcome === 'refused' ? Promise.reject(new Error('not from a click')) : Promise.resolve()),
      userChoice: Promise.resolve({ outcome }),
    }) as unknown as InstallOffer;
    scope.tabloomInstall = event;
    scope.dispatchEvent(event);
  };
  return { scope, offer };
}

test('an offer of the browser is shown, and asked once', async () => {
  const { scope, offer } = openWindow();
  const install = watchInstall(scope);
  expect(install.view.current).toBe('none');
  await install.ask();
  offer('dismissed');
  expect(install.view.current).toBe('offered');
  await install.ask();
  expect([install.view.current, scope.tabloomInstall]).toEqual(['none', undefined]);
  offer('accepted');
  await install.ask();
  expect(install.view.current).toBe('installed');
  install.stop();
});

test('an offer that came before anybody looked, and one that the browser takes back', async () => {
  const { scope, offer } = openWindow();
  offer('refused');
  const install = watchInstall(scope);
  expect(install.view.current).toBe('offered');
  await install.ask();
  expect(install.view.current).toBe('none');
});

test('what the browser installs by its own menu is installed', () => {
  const { scope, offer } = openWindow();
  const install = watchInstall(scope);
  offer('accepted');
  scope.dispatchEvent(new Event('appinstalled'));
  expect(install.view.current).toBe('installed');
  install.stop();
  offer('accepted');
  expect(install.view.current).toBe('installed');
});

test.each([
  ['a phone of Apple', { userAgent: phone }, 'by-share-menu'],
  ['a tablet that calls itself a Mac', { userAgent: mac, platform: 'MacIntel', touch: 5 }, 'by-share-menu'],
  ['Safari on a Mac', { userAgent: `${mac} Version/18.4 Safari/605.1.15`, platform: 'MacIntel' }, 'by-dock'],
  ['Safari before it could', { userAgent: `${mac} Version/16.6 Safari/605.1.15`, platform: 'MacIntel' }, 'none'],
  [
    'another browser on a Mac',
    { userAgent: chrome.replace('X11; Linux x64', 'Macintosh'), platform: 'MacIntel' },
    'none',
  ],
  ['the app itself', { userAgent: phone, standalone: true }, 'installed'],
] as const)('%s', (_, device, shown) => {
  expect(watchInstall(openWindow(device).scope).view.current).toBe(shown);
});
