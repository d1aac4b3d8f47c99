// Naive UI in the house's colours: what it draws keeps the contrast of shared/src/theme.css.
import { lang } from '@kangma/shared/i18n'
import { dateEnGB, dateZhCN, enGB, zhCN, type GlobalThemeOverrides } from 'naive-ui'
import { computed } from 'vue'

export const theme: GlobalThemeOverrides = {
  common: {
    fontFamily: 'inherit',
    fontSize: '1rem',
    fontSizeMedium: '1rem',
    fontSizeSmall: '0.9375rem',
    primaryColor: '#0b5f4b',
    primaryColorHover: '#094c3d',
    primaryColorPressed: '#073a2f',
    primaryColorSuppl: '#0b5f4b',
    errorColor: '#a31515',
    errorColorHover: '#8a1010',
    errorColorPressed: '#6f0c0c',
    warningColor: '#7a4b00',
    warningColorHover: '#653e00',
    warningColorPressed: '#503100',
    successColor: '#0a7a3d',
    infoColor: '#1746c7',
    textColorBase: '#15201d',
    textColor1: '#15201d',
    textColor2: '#15201d',
    textColor3: '#4a5754',
    placeholderColor: '#5b6865',
    borderColor: '#8a9692',
    dividerColor: '#d9dfdd',
    borderRadius: '8px',
    heightMedium: '44px',
    heightSmall: '36px',
  },
}

export const locale = computed(() => (lang.value === 'zh' ? zhCN : enGB))
export const dateLocale = computed(() => (lang.value === 'zh' ? dateZhCN : dateEnGB))
