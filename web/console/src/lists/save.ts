// A file of the server on this machine, under a name that says of which list it is.
import { file } from '@kangma/shared/api'

export async function save(path: string, name: string): Promise<void> {
  const { content } = await file(path)
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(content), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
