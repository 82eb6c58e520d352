/**
 * How a report is printed on A4: page numbers and what report it is on every sheet, heads of tables again on every sheet, no row and
 * no drawing cut in two. Margin boxes (CSS Paged Media 3) are drawn by Chromium since 131; a browser without them leaves them out.
 */

/** Characters in a sheet's foot. */
const FOOT_MAX = 110

/** Style for print. `about` and `reportId` stand at the foot of each sheet; what is not plain there is left out. */
export function printStyle(about: string, reportId: string): string {
  return `
@page{size:A4;margin:16mm 15mm 18mm}
@page{@bottom-left{content:"${footText(about)}${reportId === '' ? '' : `, ${footText(reportId)}`}";font:7.5pt Arial,"Liberation Sans",sans-serif;color:#55606e;white-space:nowrap}}
@page{@bottom-right{content:"Page " counter(page) " of " counter(pages);font:7.5pt Arial,"Liberation Sans",sans-serif;color:#55606e}}
@media print{
html{font-size:9.5pt;line-height:1.4}
body{max-width:none;padding:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
h1{font-size:20pt}
h2{font-size:12.5pt;margin-top:1.6rem;break-after:avoid}
p{orphans:3;widows:3;max-width:none}
a{color:inherit;text-decoration:none}
.wide{overflow:visible}
table{font-size:8.3pt}
table.small{font-size:7.4pt}
table.tiny{font-size:6.6pt}
th,td{padding:2.5pt 4pt}
table.tiny th,table.tiny td{padding:2.2pt 2.8pt}
thead{display:table-header-group;break-inside:avoid;break-after:avoid}
tbody tr:first-child{break-before:avoid}
tr{break-inside:avoid}
caption,.caption{break-after:avoid}
.rest{break-before:avoid}
#about table.facts{break-inside:auto}
.note,.figures,.chart,.summary,table.form,table.facts{break-inside:avoid}
.figure .value{font-size:15pt}
header{margin-bottom:1rem}
}
`
}

/** A string of CSS has quotes and escapes; neither comes in. */
function footText(text: string): string {
  return text.replace(/[^\w .,:-]/g, '').slice(0, FOOT_MAX)
}
