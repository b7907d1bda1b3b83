// Keyboard shortcuts: single keys and two-key sequences, silent while somebody types, and able to be turned off.

import { untrack } from 'svelte';

export interface Shortcut {
  /** `a`, `?`, or a sequence as `g o`. */
  keys: string;
  does: string;
  run: () => void;
}

const STORAGE = 'watchkeeper.shortcuts';
/** How long after `g` the second key still counts. */
const SEQUENCE_MS = 1500;

export class Keys {
  enabled = $state(true);
  list = $state.raw<Shortcut[]>([]);
  #first: { key: string; at: number } | null = null;

  /** Adds shortcuts for as long as a component lives. Made for effects, so reading the list here counts for nothing. */
  offer(shortcuts: Shortcut[]): () => void {
    this.list = [...untrack(() => this.list), ...shortcuts];
    return () => {
      this.list = untrack(() => this.list).filter((shortcut) => !shortcuts.includes(shortcut));
    };
  }

  /** True when a shortcut ran. */
  press(key: string, now: number): boolean {
    if (!this.enabled) return false;
    const first = this.#first !== null && now - this.#first.at <= SEQUENCE_MS ? this.#first.key : null;
    this.#first = null;
    const wanted = first === null ? key : `${first} ${key}`;
    const found = this.list.find((shortcut) => shortcut.keys === wanted);
    if (found !== undefined) {
      found.run();
      return true;
    }
    if (this.list.some((shortcut) => shortcut.keys.startsWith(`${key} `))) this.#first = { key, at: now };
    return false;
  }

  turn(on: boolean): void {
    this.enabled = on;
    try {
      localStorage.setItem(STORAGE, on ? 'on' : 'off');
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  }

  follow(): () => void {
    try {
      this.enabled = localStorage.getItem(STORAGE) !== 'off';
    } catch {
      this.enabled = true;
    }
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
      // A dialog is a page of its own: its keys are the browser's.
      if (document.querySelector('dialog[open]') !== null) return;
      if (this.press(event.key, event.timeStamp)) event.preventDefault();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null;
}

export const keys = new Keys();
