/** A real `opencode serve` with a home of its own, whose models are the fake ones. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { models } from './fake-llm.js';
import { eventually, Program } from './process.js';

export const opencodeVersion = '1.18.33';

/** The binary of the platform package works without the wrapper and its install script. */
function binary(): string {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve(`opencode-linux-${process.arch}/package.json`);
  return join(dirname(manifest), 'bin', 'opencode');
}

export class OpenCode {
  readonly url: string;
  readonly project: string;
  #home: string;
  #port: number;
  #program: Program | undefined;

  private constructor(home: string, port: number) {
    this.#home = home;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.project = join(home, 'project');
  }

  static async start(home: string, port: number, llmUrl: string): Promise<OpenCode> {
    const opencode = new OpenCode(home, port);
    mkdirSync(join(home, '.config', 'opencode'), { recursive: true });
    mkdirSync(opencode.project, { recursive: true });
    writeFileSync(join(opencode.project, 'calc.py'), 'def add(a, b):\n    return a - b\n');
    writeFileSync(join(home, '.config', 'opencode', 'opencode.json'), JSON.stringify(config(llmUrl), null, 1));
    await opencode.resume();
    return opencode;
  }

  /** Starts the server again on the same home and port. */
  async resume(): Promise<void> {
    const env = {
      PATH: process.env.PATH,
      HOME: this.#home,
      XDG_CONFIG_HOME: join(this.#home, '.config'),
      XDG_DATA_HOME: join(this.#home, '.local', 'share'),
      XDG_CACHE_HOME: join(this.#home, '.cache'),
      XDG_STATE_HOME: join(this.#home, '.local', 'state'),
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
    };
    this.#program = new Program(binary(), ['serve', '--port', String(this.#port)], { cwd: this.project, env });
    await eventually('OpenCode to answer', async () => {
      const response = await fetch(`${this.url}/global/health`, { signal: AbortSignal.timeout(2_000) });
      return response.ok;
    }, 60_000);
  }

  async kill(): Promise<void> {
    await this.#program?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#program?.stop('SIGTERM');
  }

  get output(): string {
    return this.#program?.output ?? '';
  }

  async createSession(title: string, permission?: unknown): Promise<string> {
    const session = await this.#post<{ id: string }>('/session', { title, ...(permission ? { permission } : {}) });
    return session.id;
  }

  /** Returns at once; the turn goes on in the server. */
  async prompt(session: string, model: string, text: string, provider = 'fake'): Promise<void> {
    await this.#post(`/session/${session}/prompt_async`, {
      model: { providerID: provider, modelID: model },
      parts: [{ type: 'text', text }],
    });
  }

  async status(): Promise<Record<string, { type: string }>> {
    const response = await fetch(`${this.url}/session/status?directory=${encodeURIComponent(this.project)}`);
    return (await response.json()) as Record<string, { type: string }>;
  }

  async #post<T>(path: string, body: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}?directory=${encodeURIComponent(this.project)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

function config(llmUrl: string): unknown {
  const model = (name: string) => ({
    name,
    limit: { context: 128_000, output: 8_192 },
    cost: { input: 3, output: 15, cache_read: 0.3 },
    tool_call: true,
  });
  const provider = (name: string, options: object) => ({
    npm: '@ai-sdk/openai-compatible',
    name,
    options: { baseURL: llmUrl, apiKey: 'dummy', ...options },
    models: Object.fromEntries(models.map((each) => [each, model(each)])),
  });
  return {
    $schema: 'https://opencode.ai/config.json',
    autoupdate: false,
    share: 'disabled',
    model: 'fake/ok',
    permission: { bash: { '*': 'allow', 'rm *': 'ask' } }, // the last match wins
    provider: {
      fake: provider('Fake', {}),
      // Gives a silent model up after seconds, where the default is five minutes.
      impatient: provider('Impatient', { headerTimeout: 2_500 }),
    },
  };
}

