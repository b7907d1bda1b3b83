/** The real binary, started as a new user would start it, in a directory of its own. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { eventually, freePort, Program } from './process.js';

const repository = join(import.meta.dirname, '..', '..');

function binary(): string {
  const named = process.env.WATCHKEEPER_BINARY;
  if (named) return named;
  const target = process.env.CARGO_TARGET_DIR ?? join(repository, 'target');
  const built = ['release', 'debug']
    .map((profile) => join(target, profile, 'watchkeeper'))
    .filter(existsSync)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (!built) throw new Error('no watchkeeper binary: run `cargo build --release -p watchkeeper` first');
  return built;
}

export const administrator = { username: 'ada', password: 'correct horse battery staple' };

export interface Agent {
  id: string;
  name: string;
  session: string;
  state: string;
  phase: string | null;
  evidence: { at: string; what: string }[];
  pending: { id: string; what: string }[];
  totals: { turns: number; tool_calls: number; tool_errors: number; tokens: { total: number }; cost_usd: number };
}

export interface Run {
  action: string;
  agent: string;
  outcome: string;
  trigger: string;
  reason: string;
  before: string[];
  after: string[];
  steps: { name: string; ok: boolean; what: string }[];
}

export interface Alert {
  id: string;
  status: string;
  metadata: { rule_id: string };
}

export class Watchkeeper {
  readonly api: string;
  readonly page: string;
  readonly #directory: string;
  #program: Program | undefined;
  #cookie = '';

  private constructor(directory: string, apiPort: number, pagePort: number) {
    this.#directory = directory;
    this.api = `http://127.0.0.1:${apiPort}`;
    this.page = `http://127.0.0.1:${pagePort}`;
  }

  /** `config` is the text of `watchkeeper.toml`, without the ports. */
  static async start(directory: string, config: string): Promise<Watchkeeper> {
    const [apiPort, pagePort] = [await freePort(), await freePort()];
    const watchkeeper = new Watchkeeper(directory, apiPort, pagePort);
    mkdirSync(directory, { recursive: true });
    const ports = `[server]\nport = ${apiPort}\n[dashboard]\nhost = "127.0.0.1"\nport = ${pagePort}\n[otlp]\nhttp_port = 0\ngrpc_port = 0\n`;
    writeFileSync(join(directory, 'watchkeeper.toml'), `${config}\n${ports}`);
    await watchkeeper.resume();
    return watchkeeper;
  }

  /** Starts the binary again on the same data. */
  async resume(): Promise<void> {
    this.#program = new Program(binary(), ['serve', '--data', join(this.#directory, 'data')], {
      cwd: this.#directory,
      env: { PATH: process.env.PATH, NO_COLOR: '1' },
    });
    await eventually('Watchkeeper to be ready', async () => {
      if (!this.#program?.running) throw new Error(this.output);
      return (await fetch(`${this.api}/readyz`)).ok;
    });
  }

  get output(): string {
    return this.#program?.output ?? '';
  }

  /** The one-time link that the first start prints. */
  get setupLink(): string {
    const link = /https?:\/\/\S+\/setup\?token=\S+/.exec(this.output)?.[0];
    if (!link) throw new Error(`no set-up link was printed:\n${this.output}`);
    return link;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    return (await this.#program?.stop(signal)) ?? null;
  }

  /** Creates the administrator by the printed link's token and keeps the session. */
  async setUp(): Promise<void> {
    const token = new URL(this.setupLink).searchParams.get('token');
    await this.#signIn('/setup', { token, ...administrator });
  }

  async signIn(): Promise<void> {
    await this.#signIn('/login', administrator);
  }

  async #signIn(path: string, body: unknown): Promise<void> {
    const response = await fetch(this.api + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    this.#cookie = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.api + path, { headers: { cookie: this.#cookie } });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post(path: string, body: unknown): Promise<Response> {
    return fetch(this.api + path, {
      method: 'POST',
      headers: { cookie: this.#cookie, 'content-type': 'application/json', 'x-watchkeeper': '1' },
      body: JSON.stringify(body),
    });
  }

  async agents(): Promise<Agent[]> {
    return (await this.get<{ agents: Agent[] }>('/monitoring/agents')).agents;
  }

  async agent(session: string): Promise<Agent | undefined> {
    return (await this.agents()).find((agent) => agent.session === session);
  }

  /** Waits until the agent is in one of the states; says where it was instead. */
  async agentIn(session: string, states: string[], withinMs = 20_000): Promise<Agent> {
    let last: Agent | undefined;
    try {
      return await eventually(
        `agent ${session} to be ${states.join(' or ')}`,
        async () => {
          last = await this.agent(session);
          return last && states.includes(last.state) && last;
        },
        withinMs,
      );
    } catch (error) {
      throw new Error(`${String(error)}; it was ${JSON.stringify(last ?? 'not there')}`);
    }
  }

  async openAlerts(rule: string): Promise<Alert[]> {
    const { active_alerts } = await this.get<{ active_alerts: Alert[] }>('/monitoring/production/alerts');
    return active_alerts.filter(({ metadata }) => metadata.rule_id === rule);
  }

  async runs(agent: string): Promise<Run[]> {
    const { recovery_history } = await this.get<{ recovery_history: Run[] }>('/monitoring/recovery');
    return recovery_history.filter((run) => run.agent === agent);
  }

  /** The value of an instant query with one result. */
  async value(query: string): Promise<number | undefined> {
    const answer = await this.get<{ data: { result: { value: [number, string] }[] } }>(
      `/api/v1/query?query=${encodeURIComponent(query)}`,
    );
    const value = answer.data.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  }
}
