// Runs before the first paint, so that a chosen theme never flashes the other one. A file of its own: the page's
// content security policy allows no inline script.
(() => {
  try {
    const theme = localStorage.getItem('tabloom-theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // No storage here: the system's theme it is.
  }
})();
