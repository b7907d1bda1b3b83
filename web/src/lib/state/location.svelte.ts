/** Where we are. The URL holds the whole state of a view, so that back, reload and a sent link do what one expects. */
export class Location {
  path = $state('/');
  parameters = $state.raw(new URLSearchParams());

  /** Follows the browser; call once. */
  follow(): () => void {
    this.#read();
    const read = () => this.#read();
    window.addEventListener('popstate', read);
    return () => window.removeEventListener('popstate', read);
  }

  go(href: string, how: 'push' | 'replace' = 'push'): void {
    if (how === 'push') history.pushState(null, '', href);
    else history.replaceState(null, '', href);
    this.#read();
  }

  /** This page with some parameters changed; `null` removes one. */
  with(changes: Record<string, string | null>): string {
    return hrefWith(this.path, this.parameters, changes);
  }

  /** A click on a link within the page; true when we took it. */
  take(event: MouseEvent): boolean {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return false;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.origin !== location.origin || link.hasAttribute('download'))
      return false;
    if (link.hash !== '' && link.pathname === location.pathname && link.search === location.search) return false;
    event.preventDefault();
    const samePage = link.pathname === location.pathname;
    this.go(link.pathname + link.search + link.hash);
    if (!samePage) window.scrollTo(0, 0);
    return true;
  }

  #read(): void {
    this.path = window.location.pathname;
    this.parameters = new URLSearchParams(window.location.search);
  }
}

export function hrefWith(path: string, parameters: URLSearchParams, changes: Record<string, string | null>): string {
  const next = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  const query = next.toString();
  return query === '' ? path : `${path}?${query}`;
}

export const here = new Location();

/** The addresses of the operations view. */
export function isOperations(path: string): boolean {
  return ['/', '/mobile', '/dashboard/operations'].includes(path);
}

/** Where to go after signing in: only a path of ours, whatever the link said. */
export function pathWithin(wanted: string | null): string {
  const home = '/dashboard/operations';
  if (wanted === null || !/^\/(?![/\\])/.test(wanted)) return home;
  return /^\/(login|setup)/.test(wanted) ? home : wanted;
}
