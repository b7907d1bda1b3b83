import { request } from './request';
import type { Me } from './types';

export const whoAmI = () => request<Me>('/monitoring/me');

export const setupStatus = () => request<{ needs_administrator: boolean }>('/setup/status');

export const logIn = (username: string, password: string) =>
  request<unknown>('/login', { method: 'POST', body: { username, password } });

export const logOut = () => request<void>('/logout', { method: 'POST' });

export const createAdministrator = (token: string, username: string, password: string) =>
  request<unknown>('/setup', { method: 'POST', body: { token, username, password } });
