import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const backend = process.env['WATCHKEEPER_URL'] ?? 'http://127.0.0.1:8083';

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) } },
  build: {
    outDir: 'dist',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // The policy of the server is default-src 'self': a data: URL would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: Object.fromEntries(
      ['/monitoring', '/api', '/login', '/logout', '/setup'].map((path) => [
        path,
        {
          target: backend,
          // A GET of /login or /setup is a page of ours; everything else there is the API.
          bypass: (request: { method?: string; url?: string }) =>
            request.method === 'GET' && /^\/(login|setup)(\?|$)/.test(request.url ?? '') ? '/index.html' : undefined,
        },
      ]),
    ),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
