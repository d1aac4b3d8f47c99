/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// One build, three pages. The server maps `/`, `/checkpoint` and `/staff` to
// the three HTML files; everything under /assets/ is named by its content and
// may be cached for ever.
export default defineConfig({
  plugins: [vue()],
  build: {
    outDir: 'dist',
    target: ['es2022', 'chrome87', 'safari14', 'firefox78'],
    // The scripts of one page that it shares with another are few and small;
    // the polyfill would cost every page more than it saves.
    modulePreload: { polyfill: false },
    // `npm run size` walks the manifest.
    manifest: true,
    // Under the page's content policy images come from our own host as files.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        resident: at('index.html'),
        checkpoint: at('checkpoint/index.html'),
        staff: at('staff/index.html'),
      },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['/api', '/.well-known', '/demo', '/livez', '/readyz'].map((path) => [
        path,
        process.env.KANGMA_API ?? 'http://127.0.0.1:8080',
      ]),
    ),
  },
  test: {
    environment: 'happy-dom',
    include: ['*/test/**/*.test.ts'],
  },
})
