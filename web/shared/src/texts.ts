// Texts that every page shares, in both languages.
import { texts } from './i18n'

export const zh = {
  'language.label': '语言',
  'language.failed': '语言没有换成，请检查网络后再试。',
  'failure.network': '现在连不上网络。请检查网络后再试。',
  'failure.timeout': '服务器很久没有回应。请稍后再试。',
  'failure.answer': '服务器暂时不能处理。请稍后再试。',
}

export type Key = keyof typeof zh

export const en: Record<Key, string> = {
  'language.label': 'Language',
  'language.failed': 'The language could not be changed. Check the network and try again.',
  'failure.network': 'There is no connection now. Check the network and try again.',
  'failure.timeout': 'The server took too long to answer. Try again in a moment.',
  'failure.answer': 'The server cannot do this right now. Try again in a moment.',
}

export const t = texts(zh, en, 'shared')
