import { here } from './location.svelte';

/** One column with thumb-sized actions: on narrow screens, and always on /mobile. */
class Layout {
  #narrow = $state(false);
  compact = $derived(this.#narrow || here.path === '/mobile');

  follow(): () => void {
    const query = matchMedia('(max-width: 760px)');
    const apply = () => (this.#narrow = query.matches);
    apply();
    query.addEventListener('change', apply);
    return () => query.removeEventListener('change', apply);
  }
}

export const layout = new Layout();
