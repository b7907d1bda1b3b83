import type { Run, Severity, Source, Verdict } from '../api/types';
import type { Look } from './agent';

export const SEVERITIES: Record<Severity, Look> = {
  critical: { tone: 'dead', shape: 'octagon', word: 'critical' },
  high: { tone: 'stall', shape: 'triangle', word: 'high' },
  medium: { tone: 'human', shape: 'diamond', word: 'medium' },
  low: { tone: 'work', shape: 'square', word: 'low' },
  info: { tone: 'idle', shape: 'ring', word: 'info' },
};

export const severity = (name: Severity): Look => SEVERITIES[name] ?? { ...SEVERITIES.info, word: name };

const OUTCOMES: Record<Run['outcome'], Look> = {
  running: { tone: 'work', shape: 'half', word: 'running' },
  verified: { tone: 'ok', shape: 'check', word: 'verified' },
  ineffective: { tone: 'stall', shape: 'triangle', word: 'ineffective' },
  failed: { tone: 'dead', shape: 'cross', word: 'failed' },
  skipped: { tone: 'idle', shape: 'dash', word: 'skipped' },
};

export const outcome = (run: Run): Look => OUTCOMES[run.outcome] ?? { ...OUTCOMES.skipped, word: run.outcome };

const SOURCES: Record<Source['state'], Look> = {
  live: { tone: 'ok', shape: 'disc', word: 'live' },
  connecting: { tone: 'work', shape: 'half', word: 'connecting' },
  refused: { tone: 'human', shape: 'diamond', word: 'refused' },
  wedged: { tone: 'stall', shape: 'triangle', word: 'wedged' },
  down: { tone: 'dead', shape: 'cross', word: 'down' },
};

export const sourceLook = (source: Source): Look =>
  SOURCES[source.state] ?? { tone: 'idle', shape: 'dotted', word: source.state };

const VERDICTS: Record<Verdict, Look> = {
  healthy: { tone: 'ok', shape: 'check', word: 'healthy' },
  degraded: { tone: 'human', shape: 'diamond', word: 'degraded' },
  unhealthy: { tone: 'stall', shape: 'triangle', word: 'unhealthy' },
  critical: { tone: 'dead', shape: 'octagon', word: 'critical' },
  unknown: { tone: 'idle', shape: 'dotted', word: 'unknown' },
};

export const verdict = (name: Verdict): Look => VERDICTS[name] ?? VERDICTS.unknown;
