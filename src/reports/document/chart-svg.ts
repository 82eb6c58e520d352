/** A chart of any kind as a drawing for a page: no script, no style of its own, nothing that is fetched. */

import { barsSvg } from './chart-bars.ts'
import { columnsSvg } from './chart-columns.ts'
import { stripSvg } from './chart-strip.ts'
import type { Chart } from './report-document.ts'

/** `id`: lower case letters and digits, unique in the page. */
export function chartSvg(chart: Chart, id: string): string {
  switch (chart.kind) {
    case 'columns':
      return columnsSvg(chart, id)
    case 'bars':
      return barsSvg(chart, id)
    case 'strip':
      return stripSvg(chart, id)
    default:
      return chart satisfies never
  }
}
