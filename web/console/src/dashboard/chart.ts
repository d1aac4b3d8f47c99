// What ECharts is told: the same counts as in the tables, and nothing besides.
import type { EChartsOption } from 'echarts'
import { defineAsyncComponent, h } from 'vue'
import { areas, numberText, shade, type Area, type Row } from './figures'
import { t } from './texts'
import type { Count } from './types'

export const LazyChart = defineAsyncComponent({
  loader: () => import('./ChartBox.vue'),
  loadingComponent: () => h('p', { class: 'chart chart-wait' }, t('chart.loading')),
  errorComponent: () => h('p', { class: 'chart chart-wait', role: 'alert' }, t('chart.failed')),
})

export const LazyMap = defineAsyncComponent({
  loader: () => import('./MapBox.vue'),
  loadingComponent: () => h('p', { class: 'chart chart-wait' }, t('chart.loading')),
  errorComponent: () => h('p', { class: 'chart chart-wait', role: 'alert' }, t('chart.failed')),
})

const letters = { color: '#4a5754', fontSize: 13 }
const still = typeof matchMedia === 'function' && matchMedia('(prefers-reduced-motion: reduce)').matches

/** Whether a day needs a point: today, and a day between two gaps, which no line goes through. */
const stands = (counts: Count[], i: number): boolean => i === counts.length - 1 || ((counts[i - 1] ?? null) === null && (counts[i + 1] ?? null) === null)

/** A line that breaks where a count is withheld; a day between two gaps is a point. */
export function lineOption(days: string[], counts: Count[], name: string, description: string): EChartsOption {
  return {
    animation: !still,
    aria: { enabled: true, label: { description } },
    grid: { left: 4, right: 16, top: 16, bottom: 8, containLabel: true },
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      valueFormatter: (value) => (typeof value === 'number' ? numberText(value) : t('numbers.withheld')),
    },
    xAxis: { type: 'category', data: days, boundaryGap: false, axisLabel: { ...letters, hideOverlap: true, formatter: (day: string) => day.slice(5) } },
    yAxis: { type: 'value', minInterval: 1, axisLabel: { ...letters, formatter: (n: number) => numberText(n) }, splitLine: { lineStyle: { color: '#d9dfdd' } } },
    series: [
      {
        type: 'line',
        name,
        data: counts.map((value, i) => ({ value, symbolSize: stands(counts, i) ? 7 : 0 })),
        connectNulls: false,
        symbol: 'circle',
        showAllSymbol: true,
        lineStyle: { width: 2.5, color: '#0b5f4b' },
        itemStyle: { color: '#0b5f4b' },
      },
    ],
  }
}

/** Areas by count, darker where there are more people; a border keeps neighbours apart in grey. */
export function treemapOption(areas: Area[], description: string): EChartsOption {
  return {
    animation: !still,
    aria: { enabled: true, label: { description } },
    tooltip: { renderMode: 'richText', confine: true, formatter: '{b}: {c}' },
    series: [
      {
        type: 'treemap',
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        visibleMin: 0,
        itemStyle: { borderColor: '#ffffff', borderWidth: 2, gapWidth: 2 },
        label: { fontSize: 14, lineHeight: 20, overflow: 'truncate' },
        data: areas.map((area) => {
          const { ground, letters } = shade(area.depth)
          return {
            name: area.name,
            value: area.value,
            division: area.opens ? area.division : null,
            cursor: area.opens ? 'pointer' : 'default',
            itemStyle: { color: ground },
            label: { color: letters, formatter: `{b}\n${numberText(area.value)}` },
          }
        }),
      },
    ],
  }
}

/** Divisions where they lie, darker where there are more people; one whose count is withheld is empty and says so. */
export function mapOption(map: string, rows: Row[], description: string): EChartsOption {
  const depths = new Map(areas(rows).map((area) => [area.division, area.depth]))
  const text = (row: Row) => (row.count === null ? t('numbers.withheld') : numberText(row.count))
  const words = new Map(rows.map((row) => [row.division, { name: row.name, count: text(row) }]))
  const said = (code: string, between: string) => {
    const one = words.get(code)
    return one ? `${one.name}${between}${one.count}` : ''
  }
  return {
    animation: !still,
    aria: { enabled: true, label: { description } },
    tooltip: { renderMode: 'richText', confine: true, formatter: (at) => said(Array.isArray(at) ? '' : at.name, ': ') },
    series: [
      {
        type: 'map',
        map,
        nameProperty: 'code',
        roam: false,
        selectedMode: false,
        left: 8,
        right: 8,
        top: 8,
        bottom: 8,
        labelLayout: { hideOverlap: true },
        // What has no count, such as a boundary at sea.
        itemStyle: { areaColor: 'transparent', borderColor: '#15201d', borderWidth: 1 },
        label: { show: true, fontSize: 13, lineHeight: 17, formatter: (at) => said(at.name, '\n') },
        emphasis: { itemStyle: { areaColor: undefined, borderWidth: 3 }, label: { show: true } },
        data: rows
          .filter((row) => !row.unknown)
          .map((row) => {
            const depth = depths.get(row.division)
            const { ground, letters } = depth === undefined ? { ground: '#ffffff', letters: '#15201d' } : shade(depth)
            return {
              name: row.division,
              value: row.count ?? undefined,
              division: row.division,
              itemStyle: { areaColor: ground, borderColor: '#15201d', borderType: row.count === null ? ('dashed' as const) : ('solid' as const) },
              label: { color: letters },
              emphasis: { itemStyle: { areaColor: ground }, label: { color: letters } },
            }
          }),
      },
    ],
  }
}
