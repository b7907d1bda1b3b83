import { request } from './request';
import type { Receipt, Receiver } from './types';

export const receivers = async (signal?: AbortSignal) =>
  (await request<{ receivers: Receiver[] }>('/monitoring/receivers', signal ? { signal } : {})).receivers;

export const receipts = async (signal?: AbortSignal) =>
  (await request<{ receipts: Receipt[] }>('/monitoring/receipts', signal ? { signal } : {})).receipts;

export const sendTest = (id: string) =>
  request<Receipt>(`/monitoring/receivers/${encodeURIComponent(id)}/test`, {
    method: 'POST',
    body: {},
    timeout: 60_000,
  });
