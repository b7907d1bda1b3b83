// What a person can do, with its answer as a notice. Components know only the verbs.

import * as agents from '../api/agents';
import * as alerts from '../api/alerts';
import { ApiError } from '../api/request';
import type { Agent, Alert, PendingRequest } from '../api/types';
import { words } from '../format/run';
import { capitalised, visible } from '../format/text';
import { notices } from './notices.svelte';
import { session } from './session.svelte';
import { live } from './watch.svelte';

export class Actions {
  /** Keys of what is under way, so that a button shows it and is not pressed twice. */
  #busy = $state.raw<ReadonlySet<string>>(new Set());

  isBusy(key: string): boolean {
    return this.#busy.has(key);
  }

  /** Shown at once; taken back when the server refuses. */
  acknowledge(alert: Alert): Promise<boolean> {
    const undo = live.assume({
      ...alert,
      status: 'acknowledged',
      acknowledged_by: session.me?.name ?? null,
      acknowledged_at: new Date().toISOString(),
    });
    return this.#run(`ack ${alert.id}`, {
      what: () => alerts.acknowledge(alert.id),
      failed: `“${visible(alert.title)}” was not acknowledged`,
      undo,
    });
  }

  reply(agent: Agent, request: PendingRequest, reply: 'once' | 'reject'): Promise<boolean> {
    return this.#run(`reply ${agent.id} ${request.id}`, {
      what: () => agents.replyPermission(agent.id, request.id, reply),
      done: `${visible(agent.name)}: ${reply === 'once' ? 'allowed once' : 'denied'}`,
      failed: `The answer did not reach ${visible(agent.name)}`,
    });
  }

  restart(agent: Agent): Promise<boolean> {
    return this.#run(`restart ${agent.id}`, {
      what: async () => {
        const { runs } = await agents.restart(agent.id);
        const run = runs?.find((one) => one.agent === agent.id) ?? runs?.[0];
        // Done is not enough: the proof is that the agent moved again.
        if (run !== undefined && run.outcome !== 'verified') {
          throw new ApiError(200, capitalised(words(run.outcome)), run.reason, 'The steps are under “What the automation did”.');
        }
      },
      done: `${visible(agent.name)} moves again`,
      failed: `${visible(agent.name)} was not freed`,
    });
  }

  stop(agent: Agent): Promise<boolean> {
    return this.#run(`stop ${agent.id}`, {
      what: () => agents.abort(agent.id),
      done: `${visible(agent.name)}: the turn was stopped`,
      failed: `${visible(agent.name)} was not stopped`,
    });
  }

  prompt(agent: Agent, text: string): Promise<boolean> {
    return this.#run(`prompt ${agent.id}`, {
      what: () => agents.prompt(agent.id, text),
      done: `${visible(agent.name)}: the prompt was sent`,
      failed: `The prompt did not reach ${visible(agent.name)}`,
    });
  }

  async #run(
    key: string,
    act: { what: () => Promise<unknown>; done?: string; failed: string; undo?: () => void },
  ): Promise<boolean> {
    if (this.#busy.has(key)) return false;
    this.#busy = new Set([...this.#busy, key]);
    try {
      await act.what();
      if (act.done !== undefined) notices.done(act.done);
      return true;
    } catch (error) {
      act.undo?.();
      notices.failed(act.failed, error);
      return false;
    } finally {
      this.#busy = new Set([...this.#busy].filter((other) => other !== key));
    }
  }
}

export const actions = new Actions();
