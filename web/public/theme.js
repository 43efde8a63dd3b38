// Runs before the first paint, so that a theme never flashes in the other one's colours.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem('everthread.theme');
  } catch {
    // Storage may be refused; then the system's theme holds.
  }
  if (theme !== 'light' && theme !== 'dark') {
    theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  document.documentElement.dataset.theme = theme;
})();
