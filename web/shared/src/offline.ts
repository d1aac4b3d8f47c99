// The service worker: registered once, updated at a moment that disturbs nobody.

export interface Worker {
  script: string
  scope: string
}

/** The checkpoint's worker; it also keeps the scanner, which no resident needs. */
export const checkpointWorker: Worker = { script: '/checkpoint-sw.js', scope: '/checkpoint' }

/** The collector's; the outbox is the page's, not the worker's. */
export const collectorWorker: Worker = { script: '/collect-sw.js', scope: '/collect' }

/**
 * Registers the worker that lets the page open without a network.
 *
 * A new version takes over while the page is out of sight and `idle` says that
 * nothing is being typed; the page then reloads into it. Until then the old
 * page goes on with its own files.
 *
 * Each page has a worker and a scope of its own (vite.config.ts builds them).
 */
export function openOffline(idle: () => boolean, worker: Worker = { script: '/sw.js', scope: '/' }): void {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return
  const { serviceWorker } = navigator
  let taking = false

  serviceWorker.addEventListener('controllerchange', () => {
    if (taking) location.reload()
  })
  const take = (registration: ServiceWorkerRegistration) => {
    if (!registration.waiting || taking || !idle() || document.visibilityState === 'visible') return
    taking = true
    registration.waiting.postMessage({ type: 'SKIP_WAITING' })
  }

  window.addEventListener('load', () => {
    serviceWorker
      .register(worker.script, { scope: worker.scope })
      .then((registration) => {
        document.addEventListener('visibilitychange', () => take(registration))
        // A page may stay open for days; ask for news every few hours.
        setInterval(() => registration.update().catch(() => undefined), 6 * 3600 * 1000)
      })
      .catch(() => {
        // Without it the page works as long as there is a network.
      })
  })
}
