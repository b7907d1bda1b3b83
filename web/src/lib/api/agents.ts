import { request } from './request';
import type { Run } from './types';

const agent = (id: string) => `/monitoring/agents/${encodeURIComponent(id)}`;

export const abort = (id: string) => request<unknown>(`${agent(id)}/abort`, { method: 'POST', body: {} });

export const prompt = (id: string, text: string) =>
  request<unknown>(`${agent(id)}/prompt`, { method: 'POST', body: { text } });

export const replyPermission = (id: string, permission: string, reply: 'once' | 'reject') =>
  request<unknown>(`${agent(id)}/permissions/${encodeURIComponent(permission)}`, { method: 'POST', body: { reply } });

/** Aborts, asks again and waits for a sign of progress; answers when that is known. */
export const restart = (id: string) =>
  request<{ message: string; runs?: Run[] }>('/monitoring/production/recovery/restart_stuck_agents', {
    method: 'POST',
    body: { agent: id },
    timeout: 180_000,
  });
