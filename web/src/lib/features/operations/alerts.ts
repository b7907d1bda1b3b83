import type { Alert, Severity } from '$lib/api/types';
import { instant } from '$lib/format/time';

const ORDER: Record<Severity, number> = { critical: 0, high: 1, medium: 2, low: 3, info: 4 };

/** What nobody has taken yet first, then the worst, then the oldest. */
export function sortAlerts(alerts: readonly Alert[]): Alert[] {
  const taken = (alert: Alert) => (alert.status === 'active' ? 0 : 1);
  return [...alerts].sort(
    (a, b) =>
      taken(a) - taken(b) ||
      (ORDER[a.severity] ?? 9) - (ORDER[b.severity] ?? 9) ||
      instant(a.timestamp) - instant(b.timestamp) ||
      a.id.localeCompare(b.id),
  );
}
