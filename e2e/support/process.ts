/** Child processes of a test: started with their output kept, ended with the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

export class Program {
  readonly child: ChildProcess;
  #output = '';

  constructor(command: string, args: string[], options: { cwd: string; env: Record<string, string | undefined> }) {
    // A group of its own, so that the tools which it starts end with it.
    this.child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 8_000): Promise<number | null> {
    if (!this.running || this.child.pid === undefined) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    const group = -this.child.pid;
    process.kill(group, signal);
    const killer = setTimeout(() => process.kill(group, 'SIGKILL'), graceMs);
    await ended;
    clearTimeout(killer);
    return this.child.exitCode;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks again and again until the answer is there; says what it was waiting for when it is not. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false>,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${withinMs} ms for ${what}${last ? `; last error: ${String(last)}` : ''}`);
}
