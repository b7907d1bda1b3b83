// The live stream wired to this browser.

import { clock } from './clock.svelte';
import { Live } from './live.svelte';
import { here } from './location.svelte';
import { session } from './session.svelte';

export const live = new Live({
  open: () => new EventSource('/monitoring/live'),
  now: () => Date.now(),
  // Not a frame callback: a hidden page gets no frames, and its queue would grow until somebody looks.
  soon: (work) => void setTimeout(work, 100),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  checkSession: () => session.ask(),
  onSignedOut: () => here.go(`/login?next=${encodeURIComponent(here.path)}`, 'replace'),
  onServerTime: (text) => clock.learn(Date.parse(text)),
});
