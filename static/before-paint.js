// Runs before the first paint, so that a chosen theme or language never flashes another one, and what is pressed, chosen or typed
// before the page runs is not lost. A file of its own: the page's content security policy allows no inline script.
(() => {
  let pressed;
  // The page was built ahead, and sets its fields to what it knows when it begins to run.
  const filled = new Map();
  const note = ({ type, target }) => {
    if (type === 'click') pressed = target.closest?.('button');
    else filled.set(target, { value: target.value, checked: target.checked });
  };
  const noted = ['click', 'input', 'change'];
  for (const type of noted) addEventListener(type, note, true);
  const again = () => {
    for (const type of noted) removeEventListener(type, note, true);
    for (const [field, { value, checked }] of filled) {
      if (!field.isConnected) continue;
      if (field.type === 'checkbox' || field.type === 'radio') field.checked = checked;
      else if (field.type !== 'file' && field.value !== value) field.value = value;
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
    }
    pressed?.click();
  };
  addEventListener('tabloom-runs', again, { once: true });

  // It comes once, soon after the page has loaded; whoever asks for it later finds it here.
  addEventListener('beforeinstallprompt', (offer) => {
    offer.preventDefault();
    globalThis.tabloomInstall = offer;
  });

  const root = document.documentElement;
  const chosen = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      // No storage here: as the system has it.
      return null;
    }
  };
  const theme = chosen('tabloom-theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;

  const languages = { en: 'en', de: 'de', es: 'es', zh: 'zh-Hans', ar: 'ar' };
  // The frame of another site speaks that site's language if it names one.
  const named = location.pathname.startsWith('/frame') ? new URLSearchParams(location.search).get('lang') : null;
  const wanted = [named, chosen('tabloom-language'), ...(navigator.languages ?? [])];
  const language = wanted.map((tag) => languages[(tag ?? '').toLowerCase().split('-')[0]]).find(Boolean) ?? 'en';
  if (language === 'en') return;
  root.lang = language;
  if (language === 'ar') root.dir = 'rtl';
  // The page was built in English: it is shown once its texts are there, or after a while as it is.
  root.dataset.waiting = '';
  setTimeout(() => delete root.dataset.waiting, 4_000);
})();
