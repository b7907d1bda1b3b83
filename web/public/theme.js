// Runs before the first paint so that nobody sees the wrong theme flash by. The page itself takes over later.
(function () {
  var wanted = null;
  try {
    wanted = localStorage.getItem('watchkeeper.theme');
  } catch (_) {
    // Storage may be forbidden; the system's preference decides then.
  }
  var light = wanted === 'light' || (wanted !== 'dark' && matchMedia('(prefers-color-scheme: light)').matches);
  document.documentElement.dataset.theme = light ? 'light' : 'dark';
})();
