export type ThemeChoice = 'auto' | 'light' | 'dark';
const KEY = 'watchkeeper.theme';

/** Light, dark, or as the system says. Remembered; public/theme.js applies it before the first paint. */
export class Theme {
  choice = $state<ThemeChoice>('auto');
  resolved = $state<'light' | 'dark'>('dark');

  follow(): () => void {
    this.choice = stored();
    const system = matchMedia('(prefers-color-scheme: light)');
    const apply = () => this.#apply(system.matches);
    apply();
    system.addEventListener('change', apply);
    return () => system.removeEventListener('change', apply);
  }

  next(): void {
    const order: ThemeChoice[] = ['auto', 'light', 'dark'];
    this.choice = order[(order.indexOf(this.choice) + 1) % order.length] ?? 'auto';
    try {
      localStorage.setItem(KEY, this.choice);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    this.#apply(matchMedia('(prefers-color-scheme: light)').matches);
  }

  #apply(systemIsLight: boolean): void {
    this.resolved = this.choice === 'auto' ? (systemIsLight ? 'light' : 'dark') : this.choice;
    document.documentElement.dataset['theme'] = this.resolved;
  }
}

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new Theme();
