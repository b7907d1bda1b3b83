import type { Check, Health, Host } from '$lib/api/types';
import type { Tone } from '$lib/format/agent';
import { bytes, count, percent } from '$lib/format/number';
import { spokenDuration } from '$lib/format/time';

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

/** A sum of what is known; unknown when nothing is. */
export function total(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

/** `0.4 % CPU, 41 MB memory, 9 threads, 38 open files, up 1 d 1 h`, without what could not be read. */
export function ownWords(own: NonNullable<Host['self']>): string {
  return [
    own.cpu_percent === null ? '' : `${percent(own.cpu_percent)} CPU`,
    `${bytes(own.rss_bytes)} memory`,
    `${count(own.threads)} threads`,
    own.open_files === null ? '' : `${count(own.open_files)} open files`,
    `up ${spokenDuration(own.uptime_seconds * 1000)}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
