// What ECharts is told: the same counts as in the table. What is withheld has no bar, and the table says so.
import type { EChartsOption } from 'echarts'
import { defineAsyncComponent, h } from 'vue'
import { t } from './texts'
import type { Transition } from './types'

export const LazyBars = defineAsyncComponent({
  loader: () => import('./ChartBox.vue'),
  loadingComponent: () => h('p', { class: 'soft' }, t('act.loading')),
  errorComponent: () => h('p', { class: 'soft', role: 'alert' }, t('chart.failed')),
})

const still = typeof matchMedia === 'function' && matchMedia('(prefers-reduced-motion: reduce)').matches
const letters = { color: '#4a5754', fontSize: 13 }

/** What is shown and above nothing, the most first. */
export const drawn = (changes: Transition[]): (Transition & { people: number })[] =>
  changes.flatMap((c) => (c.people !== null && c.people > 0 ? [{ ...c, people: c.people }] : [])).sort((a, b) => b.people - a.people)

export function barsOption(changes: Transition[], description: string): EChartsOption {
  const bars = drawn(changes)
  return {
    animation: !still,
    aria: { enabled: true, label: { description } },
    grid: { left: 4, right: 56, top: 4, bottom: 4, containLabel: true },
    tooltip: { renderMode: 'richText', confine: true },
    xAxis: { type: 'value', minInterval: 1, axisLabel: letters, splitLine: { lineStyle: { color: '#d9dfdd' } } },
    yAxis: { type: 'category', inverse: true, data: bars.map((c) => `${t(`colour.${c.from}`)} → ${t(`colour.${c.to}`)}`), axisLabel: { ...letters, color: '#15201d' }, axisTick: { show: false } },
    series: [
      {
        type: 'bar',
        barMaxWidth: 28,
        itemStyle: { color: '#0b5f4b' },
        label: { show: true, position: 'right', color: '#15201d', fontSize: 14, formatter: (p) => Number(p.value).toLocaleString('en-US') },
        data: bars.map((c) => c.people),
      },
    ],
  }
}
