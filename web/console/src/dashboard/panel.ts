// A panel's own request: it loads, fails and is tried again without the others.
import { ApiError, get } from '@kangma/shared/api'
import { reactive, watch } from 'vue'
import { ended, sentence } from '../session'

export interface Panel<T> {
  data: T | null
  loading: boolean
  trouble: string | null
  /** The status of the last refusal, 0 without an answer; null where all is well. */
  status: number | null
  load: () => Promise<void>
}

/** Loads whenever the address changes, and on demand; null asks nothing. */
export function panel<T>(address: () => string | null): Panel<T> {
  let asked = 0
  const state: Panel<T> = reactive({ data: null, loading: false, trouble: null, status: null, load }) as Panel<T>

  async function load(): Promise<void> {
    const path = address()
    const mine = ++asked
    if (path === null) return
    state.loading = true
    try {
      const data = await get<T>(path)
      if (mine === asked) Object.assign(state, { data, loading: false, trouble: null, status: null })
    } catch (error) {
      if (mine !== asked || ended(error)) return
      const status = error instanceof ApiError ? error.status : 0
      // Figures that a right no longer covers are not left on the screen.
      if (status === 403 || status === 404) state.data = null
      Object.assign(state, { loading: false, trouble: sentence(error), status })
    }
  }

  watch(
    address,
    () => {
      Object.assign(state, { data: null, loading: false, trouble: null, status: null })
      void load()
    },
    { immediate: true },
  )
  return state
}
