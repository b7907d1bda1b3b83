// What the server sends. Keys as on the wire; times are RFC 3339, durations seconds.

export type AgentState =
  | 'working'
  | 'waiting_human'
  | 'waiting_provider'
  | 'stalled'
  | 'wedged'
  | 'dead'
  | 'idle'
  | 'failed'
  | 'unknown';

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'info';

export type Permission =
  | 'view'
  | 'metrics'
  | 'alerts'
  | 'logs'
  | 'acknowledge'
  | 'recover'
  | 'control_agents'
  | 'administer';

export interface Evidence {
  at: string;
  what: string;
}

export interface PendingRequest {
  id: string;
  kind: 'permission' | 'question';
  what: string;
  since: string;
}

export interface Tokens {
  input: number;
  output: number;
  reasoning: number;
  cache_read: number;
  cache_write: number;
  total: number;
}

export interface Agent {
  id: string;
  kind: string;
  name: string;
  source: string;
  session: string;
  directory: string;
  project: string | null;
  parent: string | null;
  role: string | null;
  provider: string | null;
  model: string | null;
  version: string | null;
  task: string | null;
  state: AgentState;
  phase: 'waiting_model' | 'streaming' | 'tool' | 'waiting_child' | null;
  since: string;
  last_event: string;
  last_progress: string;
  confidence: 'observed' | 'inferred';
  evidence: Evidence[];
  tool: { name: string; title: string; started: string } | null;
  retry: { attempt: number; next: string; message: string } | null;
  pending: PendingRequest[];
  todo: { done: number; total: number };
  totals: {
    turns: number;
    steps: number;
    tool_calls: number;
    tool_errors: number;
    llm_errors: number;
    tokens: Tokens;
    cost_usd: number;
    seconds_in_state: Partial<Record<AgentState, number>>;
  };
  last_error: { class: string; message: string; status: number | null; retryable: boolean; at: string } | null;
  worker_status: string;
  created: string;
}

export interface Source {
  name: string;
  kind: string;
  url: string;
  state: 'connecting' | 'live' | 'refused' | 'wedged' | 'down';
  reason: string;
  since: string;
  last_seen: string | null;
  version: string | null;
}

export interface Alert {
  id: string;
  title: string;
  description: string;
  severity: Severity;
  status: 'pending' | 'active' | 'acknowledged' | 'suppressed' | 'resolved';
  source: string;
  component: string;
  timestamp: string;
  tags: string[];
  metadata: {
    rule_id: string;
    threshold?: number | null;
    value?: number | null;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    agent?: string | null;
    last_updated?: string | null;
  };
  escalation_level: number;
  acknowledged_by: string | null;
  acknowledged_at: string | null;
  resolved_at: string | null;
  suppressed_until: string | null;
}

export interface RunStep {
  at: string;
  name: string;
  ok: boolean;
  what: string;
}

export interface Run {
  id: string;
  timestamp: string;
  finished: string | null;
  component: string;
  action: string;
  agent: string | null;
  agent_name: string | null;
  trigger: string;
  actor: string | null;
  outcome: 'running' | 'verified' | 'ineffective' | 'failed' | 'skipped';
  success: boolean;
  reason: string;
  before: string[];
  after: string[];
  steps: RunStep[];
}

export interface Host {
  at: string;
  instance: string;
  /** What could not be read, or not yet, is null. */
  cpu_percent: number | null;
  cpu_modes: Record<string, number>;
  /** One, five and fifteen minutes; empty when unknown. */
  load: number[];
  cores: number | null;
  memory: { total_bytes: number; available_bytes: number; used_percent: number } | null;
  disks: {
    mountpoint: string;
    device: string;
    fstype: string;
    total_bytes: number;
    available_bytes: number;
    used_percent: number;
  }[];
  networks: { device: string; receive_bytes_per_second: number | null; transmit_bytes_per_second: number | null }[];
  processes: number | null;
  self: {
    cpu_percent: number | null;
    rss_bytes: number;
    open_files: number | null;
    threads: number;
    uptime_seconds: number;
  } | null;
}

export interface FleetSummary {
  total: number;
  by_state: Partial<Record<AgentState, number>>;
  /** Null before there are enough samples. */
  tokens_per_minute: number | null;
  cost_per_hour: number | null;
  sources_live: number;
  sources_total: number;
}

export type Verdict = 'healthy' | 'degraded' | 'unhealthy' | 'critical' | 'unknown';

export interface Check {
  component: string;
  status: Verdict;
  response_time_ms: number;
  timestamp: string;
  message: string;
}

export interface Health {
  status: Verdict;
  message: string;
  last_check?: string;
  components: Record<string, Check>;
  auto_recovery_enabled?: boolean;
}

export interface Snapshot {
  now: string;
  agents: Agent[];
  sources: Source[];
  alerts: Alert[];
  recovery: Run[];
  health: Health | null;
  host: Host | null;
  fleet: FleetSummary | null;
}

export interface Me {
  name: string;
  role: string;
  permissions: Permission[];
}

/** What came of one attempt to tell a receiver. */
export interface Receipt {
  receiver: string;
  alert_id: string;
  transition: 'firing' | 'resolved' | 'test';
  attempt: number;
  at: string;
  outcome: 'accepted' | 'retry' | 'gave_up' | 'cancelled';
  /** The receiver's HTTP or SMTP status. */
  status: number | null;
  /** The head of its answer, or why there was none. */
  reply: string;
}

export interface Receiver {
  id: string;
  name: string;
  type: string;
  enabled: boolean;
  severity_filter: Severity[];
  last_receipt: Receipt | null;
}
