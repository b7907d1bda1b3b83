import { request } from './request';

export const acknowledge = (id: string) =>
  request<unknown>(`/monitoring/production/alerts/${encodeURIComponent(id)}/acknowledge`, { method: 'POST', body: {} });
