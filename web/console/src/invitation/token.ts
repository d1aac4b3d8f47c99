// The token of an invitation's link, `/staff#/invitation/…`. Read before the router is made, and taken
// out of the address: whoever looks over the shoulder or into the history does not find it.
import { ref } from 'vue'

export const token = ref<string | null>(null)

/** The token in what follows `#`, or null. */
export const tokenOf = (hash: string): string | null => /^#\/invitation\/([A-Za-z0-9_-]{1,100})$/.exec(hash)?.[1] ?? null

function take(): void {
  const found = tokenOf(location.hash)
  if (!found) return
  token.value = found
  history.replaceState(history.state, '', location.pathname)
}

take()
// The link may be opened where the console already is.
window.addEventListener('hashchange', take)
