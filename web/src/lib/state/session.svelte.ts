import type { Me, Permission } from '../api/types';
import * as api from '../api/session';
import { ApiError } from '../api/request';

/** Who looks at the page. */
export class Session {
  me = $state.raw<Me | null>(null);
  /** `asking` until the first answer. */
  status = $state<'asking' | 'signed-in' | 'signed-out' | 'unreachable'>('asking');
  /** No administrator exists yet: the link printed at the first start creates one. */
  needsAdministrator = $state(false);

  may(permission: Permission): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  async ask(): Promise<'signed-in' | 'signed-out' | 'unreachable'> {
    try {
      this.me = await api.whoAmI();
      this.status = 'signed-in';
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        this.me = null;
        this.status = 'signed-out';
        await this.#askForSetup();
      } else if (this.me === null) {
        this.status = 'unreachable';
      } else {
        return 'unreachable';
      }
    }
    return this.status;
  }

  async logIn(username: string, password: string): Promise<void> {
    await api.logIn(username, password);
    await this.ask();
  }

  async createAdministrator(token: string, username: string, password: string): Promise<void> {
    await api.createAdministrator(token, username, password);
    this.needsAdministrator = false;
    await this.ask();
  }

  async logOut(): Promise<void> {
    await api.logOut();
    this.me = null;
    this.status = 'signed-out';
  }

  async #askForSetup(): Promise<void> {
    try {
      this.needsAdministrator = (await api.setupStatus()).needs_administrator;
    } catch {
      // Only a hint on the login page; signing in itself will say what is wrong.
      this.needsAdministrator = false;
    }
  }
}

export const session = new Session();
