/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

interface Chunk {
  file: string
  css?: string[]
  assets?: string[]
  imports?: string[]
  dynamicImports?: string[]
}

/** Every file that the pages reach from the named entries, by the build's manifest. */
function reached(entries: string[]): Set<string> {
  const manifest = JSON.parse(readFileSync(at('dist/.vite/manifest.json'), 'utf8')) as Record<string, Chunk>
  const files = new Set<string>()
  const seen = new Set<string>()
  const walk = (name: string): void => {
    const chunk = manifest[name]
    if (!chunk || seen.has(name)) return
    seen.add(name)
    for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(file)
    for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) walk(next)
  }
  entries.forEach(walk)
  return files
}

/** The pages that must open without a network, by the file and the address people use. */
const offline: Record<string, string> = { 'index.html': '/', 'checkpoint/index.html': '/checkpoint' }

// One build, three pages. The server maps `/`, `/checkpoint` and `/staff` to
// the three HTML files; everything under /assets/ is named by its content and
// may be cached for ever.
export default defineConfig({
  plugins: [
    vue(),
    // The resident's and the checkpoint's page open without a network. The
    // staff page and every answer of the server stay out: what is precached is
    // what those two pages reach, not what happens to lie in the folder.
    VitePWA({
      injectRegister: null,
      manifest: false,
      // A new version waits until no page shows the old one, or until a page
      // says that it may (shared/src/offline.ts); a form is never cut short.
      registerType: 'prompt',
      workbox: {
        globPatterns: ['index.html', 'checkpoint/index.html', 'assets/**/*', '*.{svg,png,webmanifest}'],
        maximumFileSizeToCacheInBytes: 4 * 1024 * 1024,
        inlineWorkboxRuntime: true,
        sourcemap: false,
        navigateFallback: '/',
        navigateFallbackAllowlist: [/^\/(\?.*)?$/],
        manifestTransforms: [
          (entries) => {
            const wanted = reached(Object.keys(offline))
            const kept = entries.filter(({ url }) => !url.startsWith('assets/') || wanted.has(url))
            return { manifest: kept.map((entry) => ({ ...entry, url: offline[entry.url] ?? `/${entry.url}` })) }
          },
        ],
      },
    }),
  ],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
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
