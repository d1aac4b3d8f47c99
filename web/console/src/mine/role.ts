import { t, zh } from './texts'

/** A role in words. A place may have roles of its own names. */
export function role(name: string): string {
  const key = `role.${name}`
  return key in zh ? t(key as keyof typeof zh) : name
}
