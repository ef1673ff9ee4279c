import { defineConfig } from 'vitest/config'

// The console is built into origin/console, from where the origin embeds it. The
// same sources and package-lock.json make the same bytes: scripts/web.sh --check.
export default defineConfig({
  root: 'console',
  base: '/',
  cacheDir: '../node_modules/.vite',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../origin/console',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs would need a hole in the policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/objects': 'http://127.0.0.1:8080' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
})
