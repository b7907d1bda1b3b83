import type { AgentState } from '$lib/api/types';

export interface Stay {
  state: AgentState;
  seconds: number;
  share: number;
}

/** Completed stays plus the present one, longest first. Stays under a second are not worth a line. */
export function timeInStates(
  completed: Partial<Record<AgentState, number>>,
  present: AgentState,
  presentSeconds: number,
): Stay[] {
  const sums = new Map<AgentState, number>(Object.entries(completed) as [AgentState, number][]);
  if (presentSeconds > 0) sums.set(present, (sums.get(present) ?? 0) + presentSeconds);
  const total = [...sums.values()].reduce((sum, seconds) => sum + seconds, 0);
  if (total <= 0) return [];
  return [...sums]
    .filter(([, seconds]) => seconds >= 1)
    .map(([state, seconds]) => ({ state, seconds, share: seconds / total }))
    .sort((a, b) => b.seconds - a.seconds);
}
