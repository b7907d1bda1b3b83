// An invented fleet that lives: for developing the page and for its screenshots. Never part of a build.

const iso = (at) => new Date(at).toISOString();
let seed = 7;
export const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
const pick = (list) => list[Math.floor(random() * list.length)];

const WORK = ['api-tests', 'search-index', 'ui-polish', 'invoice-export', 'auth-review', 'cache-layer', 'docs-links',
  'flaky-hunt', 'grpc-gateway', 'image-resize', 'json-schema', 'latency-probe', 'metrics-names', 'oauth-flow', 'parser-fuzz', 'queue-drain'];
const TOOLS = [['bash', 'cargo test -p api'], ['edit', 'src/fst.rs'], ['read', 'docs/architecture.md'], ['grep', 'fn plan_'], ['bash', 'npm run check'], null];

function agent(now, name, state, ageSeconds, more = {}) {
  const session = `ses_${name.replaceAll('-', '')}`;
  const busy = state === 'working' || state === 'stalled';
  const input = Math.round(40_000 + random() * 900_000);
  const output = Math.round(input * 0.08);
  const cacheRead = Math.round(input * 2.2);
  return {
    id: `opencode:127.0.0.1:4096:${session}`, kind: 'opencode', name, source: 'build-box', session,
    directory: `/srv/work/${name}`, project: 'shop', parent: null, role: 'build', provider: 'anthropic',
    model: 'claude-sonnet-4-5', version: '1.18.4', task: `Work on ${name.replaceAll('-', ' ')} until all tests are green, then summarise what changed.`,
    state, phase: busy ? 'streaming' : null, since: iso(now - ageSeconds * 1000),
    last_event: iso(now - 400), last_progress: iso(now - (busy ? Math.min(ageSeconds, 4) : ageSeconds) * 1000),
    confidence: 'observed', evidence: [{ at: iso(now - ageSeconds * 1000), what: 'session.status says busy' }],
    tool: null, retry: null, pending: [], todo: { done: Math.floor(random() * 5), total: 6 },
    totals: {
      turns: 1 + Math.floor(random() * 40), steps: 20 + Math.floor(random() * 300), tool_calls: 30 + Math.floor(random() * 500),
      tool_errors: Math.floor(random() * 9), llm_errors: Math.floor(random() * 3),
      tokens: { input, output, reasoning: Math.round(output / 3), cache_read: cacheRead, cache_write: Math.round(input / 5), total: input + output + Math.round(output / 3) + cacheRead + Math.round(input / 5) },
      cost_usd: Number((random() * 3).toFixed(3)), seconds_in_state: { working: 1200 + random() * 4000, idle: random() * 2000, waiting_human: random() * 300 },
    },
    last_error: null, worker_status: 'working', created: iso(now - 3 * 3600_000), ...more,
  };
}

export function makeWorld(kind = 'busy') {
  const now = Date.now();
  const source = (name, url, state, reason) => ({ name, kind: 'opencode', url, state, reason, since: iso(now - 7200_000), last_seen: iso(now - 800), version: state === 'live' ? '1.18.4' : null });
  const world = { agents: new Map(), sources: [], alerts: new Map(), runs: [], me: 'admin', kind };
  const add = (a) => world.agents.set(a.id, a);
  const host = {
    at: iso(now), instance: 'build-box', cpu_percent: 38.2, cpu_modes: { user: 30, system: 8, idle: 62 }, load: [1.52, 1.31, 1.1], cores: 4,
    memory: { total_bytes: 16.6e9, available_bytes: 6.4e9, used_percent: 61.4 },
    disks: [
      { mountpoint: '/', device: '/dev/sda1', fstype: 'ext4', total_bytes: 5.1e11, available_bytes: 1.3e11, used_percent: 74.1 },
      { mountpoint: '/srv', device: '/dev/sdb1', fstype: 'xfs', total_bytes: 2e12, available_bytes: 1.6e11, used_percent: 92 },
    ],
    networks: [{ device: 'eth0', receive_bytes_per_second: 1.6e6, transmit_bytes_per_second: 5.1e5 }], processes: 241,
    self: { cpu_percent: 0.4, rss_bytes: 4.1e7, open_files: 38, threads: 9, uptime_seconds: 93_210 },
  };
  world.host = host;
  const check = (component, status, message) => [component, { component, status, message, response_time_ms: 3, timestamp: iso(now) }];
  world.health = { status: 'degraded', message: 'System degraded', last_check: iso(now), auto_recovery_enabled: true, dependencies: {}, recovery_history_count: 3, status_distribution: {},
    components: Object.fromEntries([check('system_resources', 'healthy', 'CPU 38 %'), check('agent_manager', 'degraded', '2 of 24 agents are stuck')]) };
  if (kind === 'empty') {
    world.health.status = 'healthy';
    world.health.components = {};
    world.sources = [source('default', 'http://127.0.0.1:4096', 'down', 'connection refused; nothing listens there')];
    return world;
  }
  world.sources = [
    source('build-box', 'http://127.0.0.1:4096', 'live', 'events flow'),
    source('night-box', 'http://10.0.0.7:4096', 'live', 'events flow'),
    source('laptop', 'http://10.0.0.21:4096', kind === 'well' ? 'live' : 'refused', kind === 'well' ? '' : 'it answers 401; set user and password of this source'),
  ];
  WORK.forEach((name, i) => {
    const tool = TOOLS[i % TOOLS.length];
    add(agent(now, name, 'working', 3 + i * 17, tool === null ? {} : { phase: 'tool', tool: { name: tool[0], title: tool[1], started: iso(now - 3000) } }));
  });
  add(agent(now, 'schema-migration', 'idle', 720, { worker_status: 'idle' }));
  add(agent(now, 'nightly-audit', 'idle', 1560, { model: 'gpt-5', provider: 'openai' }));
  add(agent(now, 'changelog', 'idle', 5200));
  add(agent(now, 'old-session', 'unknown', 9000, { evidence: [{ at: iso(now - 9e6), what: 'its source is not live' }] }));
  if (kind === 'well') return world;

  add(agent(now, 'billing-refactor', 'stalled', 680, {
    phase: 'waiting_model', confidence: 'inferred', last_progress: iso(now - 980_000),
    evidence: [
      { at: iso(now - 985_000), what: 'the model was asked, step 14 began' },
      { at: iso(now - 690_000), what: 'the server answers /session/status in 8 ms: transport alive' },
      { at: iso(now - 680_000), what: 'waiting for the model since 09:31:08; no token, tool or file change since' },
    ],
  }));
  add(agent(now, 'lint-sweep', 'wedged', 131, { model: 'qwen3-coder', provider: 'openrouter', source: 'night-box', phase: null, evidence: [{ at: iso(now - 131_000), what: 'its server accepts connections and sends no byte for 20 s' }] }));
  add(agent(now, 'release-notes', 'waiting_human', 182, { model: 'gpt-5', provider: 'openai', pending: [{ id: 'per_1', kind: 'permission', what: 'bash: git push --tags', since: iso(now - 182_000) }], evidence: [{ at: iso(now - 182_000), what: 'permission requested, policy says ask' }] }));
  add(agent(now, 'docs-bot', 'waiting_provider', 40, { model: 'gpt-5', retry: { attempt: 4, next: iso(now + 38_000), message: '429 Too Many Requests' } }));
  const parent = [...world.agents.values()].find((a) => a.name === 'queue-drain');
  add(agent(now, 'explore-handlers', 'working', 260, { parent: parent.id, role: 'general', tool: { name: 'grep', title: 'consume(', started: iso(now - 2000) }, phase: 'tool' }));
  add(agent(now, 'pay\u202etxt.exe', 'failed', 3900, { last_error: { class: 'ProviderAuthError', message: 'invalid API key', status: 401, retryable: false, at: iso(now - 3.9e6) } }));

  const alert = (id, title, description, severity, status, at, agentName, more = {}) => {
    const about = [...world.agents.values()].find((a) => a.name === agentName);
    world.alerts.set(id, { id, title, description, severity, status, source: 'monitoring_system', component: agentName ? 'agents' : 'system', timestamp: iso(at), tags: ['agents'],
      metadata: { rule_id: id.split('_17')[0], threshold: 1, value: 1, labels: about ? { agent: about.id } : {}, annotations: {}, agent: about?.id ?? null, last_updated: iso(now) },
      escalation_level: 0, acknowledged_by: null, acknowledged_at: null, resolved_at: null, suppressed_until: null, ...more });
  };
  alert('agent_stuck_1795', 'Agent stuck', 'billing-refactor shows no progress for more than 10 minutes', 'high', 'active', now - 660_000, 'billing-refactor');
  alert('disk_usage_high_1795', 'Disk almost full', '/srv on build-box is 92 % full; at this rate it is full in 9 hours', 'medium', 'active', now - 95_000, null);
  alert('high_error_rate_1795', 'High error rate', '6.1 % of tool calls failed during 10 minutes', 'low', 'acknowledged', now - 3_000_000, null, { acknowledged_by: 'maria', acknowledged_at: iso(now - 2_800_000) });

  const run = (id, at, name, outcome, reason, steps = []) => {
    const about = [...world.agents.values()].find((a) => a.name === name);
    world.runs.push({ id, timestamp: iso(at), finished: iso(at + 21_000), component: 'agent_manager', action: 'restart_stuck_agents', agent: about?.id ?? null, agent_name: name, trigger: 'auto_recovery', actor: null, outcome,
      success: outcome === 'verified', reason, before: ['stalled for 5 min 04 s in waiting_model', 'the server answered in 8 ms'], after: outcome === 'verified' ? ['first token 4.1 s after the prompt'] : [],
      steps: steps.map(([name_, ok, what], i) => ({ at: iso(at + i * 4000), name: name_, ok, what })) });
  };
  const freed = [['verify', true, 'still stalled, transport alive'], ['abort', true, 'accepted'], ['verify_idle', true, 'idle after 0.3 s'], ['prompt', true, 'asked anew with the cause'], ['verify_progress', true, 'first token after 4.1 s']];
  run('run_1', now - 160_000, 'api-tests', 'verified', 'aborted a hung model call, re-prompted, progress after 4 s', freed);
  run('run_2', now - 400_000, 'billing-refactor', 'ineffective', 'aborted and re-prompted, no progress within 60 s. Second attempt held: same cause', [...freed.slice(0, 4), ['verify_progress', false, 'no token within 60 s']]);
  run('run_3', now - 1_900_000, 'docs-bot', 'skipped', 'the provider answers 429; a restart would not help');
  return world;
}

export function summary(world) {
  const by = {};
  for (const state of ['working', 'waiting_human', 'waiting_provider', 'stalled', 'wedged', 'dead', 'idle', 'failed', 'unknown']) by[state] = 0;
  for (const a of world.agents.values()) by[a.state] += 1;
  const busy = by.working;
  return { total: world.agents.size, by_state: by, tokens_per_minute: busy * (24_000 + random() * 3000), cost_per_hour: busy * (0.11 + random() * 0.01),
    sources_live: world.sources.filter((s) => s.state === 'live').length, sources_total: world.sources.length };
}

/** Lets a second pass: returns the events that it brings. */
export function tick(world) {
  const now = Date.now();
  const events = [];
  const workers = [...world.agents.values()].filter((a) => a.state === 'working');
  for (let i = 0; i < 3 && workers.length > 0; i++) {
    const a = { ...pick(workers) };
    const tool = pick(TOOLS);
    a.tool = tool === null ? null : { name: tool[0], title: tool[1], started: iso(now) };
    a.phase = tool === null ? 'streaming' : 'tool';
    a.last_event = a.last_progress = iso(now);
    a.totals = { ...a.totals, tokens: { ...a.totals.tokens, output: a.totals.tokens.output + 420, total: a.totals.tokens.total + 420 } };
    world.agents.set(a.id, a);
    events.push(['agent', a]);
  }
  const move = (value, by, low, high) => Math.max(low, Math.min(high, value + (random() - 0.5) * by));
  world.host = { ...world.host, at: iso(now), cpu_percent: move(world.host.cpu_percent, 6, 4, 97),
    networks: world.host.networks.map((n) => ({ ...n, receive_bytes_per_second: move(n.receive_bytes_per_second, 4e5, 2e4, 9e6) })),
    self: { ...world.host.self, uptime_seconds: world.host.self.uptime_seconds + 1 } };
  world.sources = world.sources.map((s) => (s.state === 'live' ? { ...s, last_seen: iso(now - 300) } : s));
  events.push(['host', world.host], ['fleet', summary(world)], ...world.sources.map((s) => ['source', s]));
  return events;
}
