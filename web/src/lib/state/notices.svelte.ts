import { ApiError } from '../api/request';

export interface Notice {
  id: number;
  kind: 'done' | 'failed';
  title: string;
  detail: string;
  advice: string;
}

/** Short answers to what the person did. A failure stays until it is closed. */
export class Notices {
  list = $state.raw<Notice[]>([]);
  #next = 1;
  #after: (ms: number, work: () => void) => void;

  constructor(after: (ms: number, work: () => void) => void = (ms, work) => void setTimeout(work, ms)) {
    this.#after = after;
  }

  done(title: string): void {
    const id = this.#add({ kind: 'done', title, detail: '', advice: '' });
    this.#after(5000, () => this.close(id));
  }

  /** What was attempted, then what the error says about it. */
  failed(attempt: string, error: unknown): void {
    if (error instanceof ApiError) {
      const reference = error.correlationId === null ? '' : ` Reference: ${error.correlationId}.`;
      const detail = error.why === '' ? `${error.title}.` : `${error.title}: ${error.why}.`;
      this.#add({ kind: 'failed', title: attempt, detail: detail.replace(/\.\.$/, '.'), advice: error.advice + reference });
    } else {
      const detail = error instanceof Error ? error.message : 'An unexpected error.';
      this.#add({ kind: 'failed', title: attempt, detail, advice: 'Reload the page and try again.' });
    }
  }

  close(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>): number {
    const id = this.#next++;
    // More than four would hide the page that they are about.
    this.list = [...this.list, { ...notice, id }].slice(-4);
    return id;
  }
}

export const notices = new Notices();
