import { pathOf } from '../places'
import { t } from './texts'

export { learn } from '../places'

export const placeText = (code: string): string => (code === '' ? t('country') : pathOf(code))
