import type { Check, Health } from '$lib/api/types';
import type { Tone } from '$lib/format/agent';

/** The colour of a bar by the limits at which the health check complains. */
export function fullness(percent: number, degraded: number, critical: number): Tone {
  if (percent > critical) return 'dead';
  return percent > degraded ? 'stall' : 'work';
}

/** Checks that have something to say, worst first. */
export function troubled(health: Health | null): Check[] {
  const worst = ['critical', 'unhealthy', 'degraded'];
  return Object.values(health?.components ?? {})
    .filter((check) => worst.includes(check.status))
    .sort((a, b) => worst.indexOf(a.status) - worst.indexOf(b.status) || a.component.localeCompare(b.component));
}
