/**
 * A language model that does as it is told, behind OpenAI's chat completions API.
 *
 * The model's name chooses the scene (see `scenes`). What a scene does depends only on the
 * conversation that arrives, except where it counts attempts: then the count is per model
 * and starts again with `reset()`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Action = { say: string } | { call: string; with: unknown };

interface Message {
  role: string;
  content?: string | { text?: string }[] | null;
}

interface ChatRequest {
  model: string;
  messages: Message[];
  stream?: boolean;
}

/** What one request is answered with. */
type Reply =
  | { kind: 'actions'; actions: Action[]; wordPauseMs?: number; thenHang?: boolean }
  | { kind: 'hang' }
  | { kind: 'refuse'; status: number; message: string; type: string; code: string | null; retryAfter?: number };

/**
 * `step` counts the answers since the last message of a person, `prompts` those messages;
 * `attempt` all requests for this model.
 */
interface Turn {
  step: number;
  prompts: number;
  attempt: number;
}

const fine: Reply = {
  kind: 'actions',
  actions: [{ say: 'Hello from the fake model. Everything is fine.' }],
};

const bash = (command: string, description: string): Action => ({
  call: 'bash',
  with: { command, description },
});

/** Answers in order; the last one again and again. */
const script =
  (...steps: Action[][]) =>
  ({ step }: Turn): Reply => ({ kind: 'actions', actions: steps[Math.min(step, steps.length - 1)] ?? [] });

const rateLimited: Reply = {
  kind: 'refuse',
  status: 429,
  message: 'Rate limit reached for requests',
  type: 'rate_limit_error',
  code: 'rate_limit_exceeded',
  retryAfter: 2,
};

const scenes: Record<string, (turn: Turn) => Reply> = {
  ok: () => fine,
  slow: () => ({ ...fine, wordPauseMs: 700 }) as Reply,
  tools: script(
    [{ say: 'I will look first.' }, bash('ls', 'List files')],
    [bash('exit 3', 'A command that fails')],
    [{ say: 'Done.' }],
  ),
  todo: script(
    [{ call: 'todowrite', with: { todos: [{ content: 'Read', status: 'in_progress', priority: 'high', id: '1' }] } }],
    [{ say: 'Noted.' }],
  ),
  permission: script([bash('rm -f ./left-over', 'Remove a file')], [{ say: 'The permission step is finished.' }]),
  hang: () => ({ kind: 'hang' }),
  /** Hangs at the first request, answers every later one: what a restart cures. */
  hangonce: ({ attempt }) => (attempt === 0 ? { kind: 'hang' } : fine),
  /** Hangs however often it is asked, until it is told to continue. */
  hangprompt: ({ prompts }) => (prompts < 2 ? { kind: 'hang' } : fine),
  midhang: () => ({ ...fine, thenHang: true }) as Reply,
  toolhang: script([bash('sleep 600', 'A command that hangs')], [{ say: 'Done.' }]),
  err429: () => rateLimited,
  err401: () => ({
    kind: 'refuse',
    status: 401,
    message: 'Incorrect API key provided',
    type: 'invalid_request_error',
    code: 'invalid_api_key',
  }),
};

export const models = Object.keys(scenes);

export class FakeLlm {
  #server: Server;
  #attempts = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeLlm> {
    const server = createServer();
    const llm = new FakeLlm(server);
    server.on('request', (request, response) => {
      llm.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return llm;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** How often this model was asked (titles not counted). */
  attempts(model: string): number {
    return this.#attempts.get(model) ?? 0;
  }

  reset(): void {
    this.#attempts.clear();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) {
      return json(response, 404, { error: { message: 'not found', type: 'not_found' } });
    }
    const chat = JSON.parse(await text(request)) as ChatRequest;
    const reply = asksForTitle(chat) ? title : this.#reply(chat);
    if (reply.kind === 'hang') return; // The client closes the connection when it gives up.
    if (reply.kind === 'refuse') {
      const headers: Record<string, string> = reply.retryAfter === undefined ? {} : { 'retry-after': String(reply.retryAfter) };
      const { message, type, code } = reply;
      return json(response, reply.status, { error: { message, type, code } }, headers);
    }
    await stream(response, chat, reply);
  }

  #reply(chat: ChatRequest): Reply {
    const attempt = this.attempts(chat.model);
    this.#attempts.set(chat.model, attempt + 1);
    const asked = chat.messages.findLastIndex((message) => message.role === 'user');
    const step = chat.messages.slice(asked).filter((message) => message.role === 'assistant').length;
    const prompts = chat.messages.filter((message) => message.role === 'user').length;
    const scene = scenes[chat.model];
    return scene ? scene({ step, prompts, attempt }) : fine;
  }
}

const title: Reply = { kind: 'actions', actions: [{ say: 'A demo session' }] };

function asksForTitle(chat: ChatRequest): boolean {
  return chat.messages.some(
    (message) => message.role === 'system' && contentOf(message).toLowerCase().includes('title generator'),
  );
}

function contentOf(message: Message): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? []).map((part) => part.text ?? '').join(' ');
}

const usage = {
  prompt_tokens: 1200,
  completion_tokens: 25,
  total_tokens: 1225,
  prompt_tokens_details: { cached_tokens: 200 },
  completion_tokens_details: { reasoning_tokens: 5 },
};

async function stream(
  response: ServerResponse,
  chat: ChatRequest,
  reply: Extract<Reply, { kind: 'actions' }>,
): Promise<void> {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 0, model: chat.model };
  const send = (value: unknown) =>
    response.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);
  const delta = (content: unknown, finish: string | null = null) =>
    send({ ...base, choices: [{ index: 0, delta: content, finish_reason: finish }] });

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  delta({ role: 'assistant', content: '' });
  let finish = 'stop';
  let calls = 0;
  for (const action of reply.actions) {
    if ('say' in action) {
      for (const word of action.say.split(' ')) {
        delta({ content: `${word} ` });
        await pause(reply.wordPauseMs ?? 20);
      }
      if (reply.thenHang) return;
    } else {
      finish = 'tool_calls';
      const call = { name: action.call, arguments: JSON.stringify(action.with) };
      const id = `call_${Date.now().toString(36)}_${calls}`;
      delta({ tool_calls: [{ index: calls, id, type: 'function', function: call }] });
      calls += 1;
    }
  }
  delta({}, finish);
  send({ ...base, choices: [], usage });
  send('[DONE]');
  response.end();
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
