// Runs before the first paint, so that a chosen theme or language never flashes another one, and a press that comes before the
// page runs is not lost. A file of its own: the page's content security policy allows no inline script.
(() => {
  let pressed;
  const note = ({ target }) => {
    pressed = target.closest?.('button');
  };
  addEventListener('click', note, true);
  const again = () => {
    removeEventListener('click', note, true);
    pressed?.click();
  };
  addEventListener('tabloom-runs', again, { once: true });

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
