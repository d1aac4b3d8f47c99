/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { readFileSync } from 'node:fs'
import { defineConfig, type Plugin } from 'vite'
import { generateSW } from 'workbox-build'

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

/**
 * The pages that must open without a network: the file, the address that people
 * use, the worker. One worker a page, so that a resident's phone never loads the
 * scanner; the console and every answer of the server stay out of all.
 */
const offline = [
  { file: 'index.html', address: '/', worker: 'sw.js', more: ['*.{svg,png,webmanifest}'] },
  { file: 'checkpoint/index.html', address: '/checkpoint', worker: 'checkpoint-sw.js', more: ['icon.svg'] },
  { file: 'collector/index.html', address: '/collect', worker: 'collect-sw.js', more: ['icon.svg'] },
]

function offlinePages(): Plugin {
  return {
    name: 'kangma-offline-pages',
    apply: 'build',
    closeBundle: async () => {
      for (const { file, address, worker, more } of offline) {
        const wanted = reached([file])
        const { count, size, warnings } = await generateSW({
          swDest: at(`dist/${worker}`),
          globDirectory: at('dist'),
          globPatterns: [file, ...wanted, ...more],
          // Named by their content already.
          dontCacheBustURLsMatching: /^assets\//,
          maximumFileSizeToCacheInBytes: 4 * 1024 * 1024,
          cacheId: `kangma-${worker.replace('.js', '')}`,
          inlineWorkboxRuntime: true,
          sourcemap: false,
          mode: 'production',
          cleanupOutdatedCaches: true,
          // A new version waits until the page says that it may: shared/src/offline.ts.
          skipWaiting: false,
          navigateFallback: address,
          navigateFallbackAllowlist: [new RegExp(`^${address}/?(\\?.*)?$`)],
          manifestTransforms: [
            (entries) => ({ manifest: entries.map((entry) => ({ ...entry, url: entry.url === file ? address : `/${entry.url}` })) }),
          ],
        })
        if (warnings.length) throw new Error(warnings.join('\n'))
        console.log(`${worker}: ${address} opens without a network, ${count} files, ${Math.ceil(size / 1024)} KB`)
      }
    },
  }
}

// One build, four pages. The server maps `/`, `/checkpoint`, `/collect` and `/staff` to
// the HTML files; everything under /assets/ is named by its content and
// may be cached for ever.
export default defineConfig({
  plugins: [vue(), offlinePages()],
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
        collector: at('collector/index.html'),
        console: at('console/index.html'),
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
