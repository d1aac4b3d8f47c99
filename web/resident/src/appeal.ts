// Appeals of the person: made once, however often they are sent; files go one
// after the other, each with its own key, so that a retry is the same file.
import { ApiError, get, post } from '@kangma/shared/api'
import type { Appeal, AppealRequest, Appeals, EvidenceFile, Ground, Problem } from '@kangma/shared/api-types'
import { accepted } from '@kangma/shared/i18n'
import { Once } from '@kangma/shared/once'
import { reactive, ref, watch } from 'vue'
import { inPerson, session } from './session'
import { t } from './texts'

/** A file on its way. Kept in memory only: it may be about somebody's health. */
export interface Sending {
  key: string
  appeal: string
  name: string
  file: Blob
  /** 0 to 1 while it goes; a failed one waits for the person. */
  share: number
  failed: string
}

export const appeals = ref<Appeals | null>(null)
export const sending = reactive<Sending[]>([])

// Whoever logs out leaves nothing of it on the page.
watch(
  () => session.screen,
  (screen) => {
    if (screen !== 'login') return
    appeals.value = null
    sending.splice(0)
  },
)

/** Letters that the server takes. */
export const textMax = 1000

export async function load(): Promise<void> {
  appeals.value = await inPerson(() => get<Appeals>('/api/v1/me/appeals'))
}

const making = new Once()

export async function make(about: string | undefined, ground: Ground, text: string): Promise<Appeal> {
  const content = { about, ground, text: text.trim() }
  const id = making.options(content).headers?.['Idempotency-Key'] ?? ''
  const made = await inPerson(() => post<Appeal>('/api/v1/me/appeals', { id, ...content } satisfies AppealRequest))
  making.done()
  await load().catch(() => undefined)
  return made
}

export async function withdraw(id: string): Promise<void> {
  await inPerson(() => post(`/api/v1/me/appeals/${id}/withdrawal`))
  await load()
}

/** Takes files in hand and sends them. */
export async function add(appeal: string, files: Iterable<File>): Promise<void> {
  const limits = appeals.value
  for (const file of files) {
    const key = crypto.getRandomValues(new Uint8Array(16)).reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '')
    sending.push({ key, appeal, name: file.name, file, share: 0, failed: '' })
    const item = sending[sending.length - 1] as Sending
    if (limits && file.size > limits.file_bytes_max) {
      item.failed = t('appeal.too_large', { mb: Math.floor(limits.file_bytes_max / 1024 / 1024) })
    }
  }
  await flush()
}

export async function retry(item: Sending): Promise<void> {
  item.failed = ''
  await flush()
}

export function drop(item: Sending): void {
  const at = sending.indexOf(item)
  if (at >= 0) sending.splice(at, 1)
}

let flushing: Promise<void> | null = null

/** Sends what waits, one file at a time: a phone's uplink is narrow. */
export function flush(): Promise<void> {
  flushing ??= run().finally(() => {
    flushing = null
  })
  return flushing
}

async function run(): Promise<void> {
  for (;;) {
    const next = sending.find((item) => item.failed === '')
    if (!next) return
    try {
      await inPerson(() => upload(next))
      drop(next)
      await load().catch(() => undefined)
    } catch (error) {
      next.share = 0
      next.failed = error instanceof ApiError ? error.detail : t('appeal.failed')
    }
  }
}

/** How long a file may take before it is given up, in milliseconds. */
const uploadMs = 120_000

/** One file. XMLHttpRequest, because fetch does not say how far it is. */
function upload(item: Sending): Promise<EvidenceFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/v1/me/appeals/${item.appeal}/evidence`)
    request.timeout = uploadMs
    request.setRequestHeader('X-Kangma', '1')
    request.setRequestHeader('Idempotency-Key', item.key)
    request.setRequestHeader('Accept-Language', accepted.value)
    request.setRequestHeader('Content-Type', 'application/octet-stream')
    request.upload.onprogress = (event) => {
      item.share = event.lengthComputable && event.total > 0 ? event.loaded / event.total : 0
    }
    request.onload = () => {
      const said = read(request.responseText)
      if (request.status >= 200 && request.status < 300) return resolve(said as unknown as EvidenceFile)
      reject(new ApiError(said.code ?? `http.${request.status}`, request.status, said.detail ?? t('appeal.failed')))
    }
    request.onerror = () => reject(new ApiError('network', 0, t('appeal.failed')))
    request.ontimeout = () => reject(new ApiError('timeout', 0, t('appeal.failed')))
    request.send(item.file)
  })
}

function read(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>
  } catch {
    return {}
  }
}
