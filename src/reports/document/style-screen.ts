/**
 * How a report looks. Fonts are the system's, nothing is fetched; black on white, every text at least 4.5:1 against what is behind it.
 * No rule depends on anything from data.
 */

/** `col.w7{width:7%}`: a page whose policy forbids style attributes has a class for each width. */
const COLUMN_WIDTHS = Array.from({ length: 100 }, (_, i) => `col.w${i + 1}{width:${i + 1}%}`).join('')

/** For screens; what paper needs besides is in style-print.ts. */
export const SCREEN_STYLE = `
*{box-sizing:border-box}
html{font:15px/1.5 "Helvetica Neue",Arial,"Liberation Sans","Noto Sans",sans-serif;color:#1c2430;background:#fff;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:64rem;padding:2rem 1.5rem 4rem;overflow-wrap:break-word}
p{margin:0 0 .6rem;max-width:48rem}
h1{font-size:1.9rem;line-height:1.15;margin:0 0 .2rem;font-weight:700}
h2{font-size:1.2rem;line-height:1.25;margin:2.2rem 0 .7rem;font-weight:700;color:#14324f}
a{color:#14507f}
code{font-family:"SFMono-Regular",Consolas,"Liberation Mono",Menlo,monospace;font-size:.88em;overflow-wrap:anywhere;direction:ltr;unicode-bidi:bidi-override}
header{border-bottom:2px solid #14324f;padding-bottom:1rem;margin-bottom:1.4rem}
header .brand{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;color:#55606e;margin:0 0 .4rem}
header .subject{font-size:1.2rem;color:#14324f;margin:0 0 .6rem;overflow-wrap:anywhere}
header dl{margin:.9rem 0 .5rem}
header dl div{display:flex;gap:.8rem;margin:.1rem 0}
header dt{flex:0 0 6rem;color:#55606e}
header dd{margin:0;min-width:0;overflow-wrap:anywhere}
header .zone{margin:0;color:#55606e}
.summary{border-left:4px solid #245a8d;background:#f2f6fa;padding:.9rem 1.1rem .4rem;margin:0 0 1.4rem}
.summary.found{border-left-color:#b06a00}
.summary h2{margin:0 0 .4rem}
.summary p{font-size:1.03rem;max-width:none}
nav h2{font-size:1rem;margin:1.2rem 0 .4rem}
nav ul{list-style:none;margin:0;padding:0;columns:2;column-gap:2rem}
nav li{margin:.1rem 0;break-inside:avoid}
ul{margin:.2rem 0 .8rem;padding-left:1.3rem}
li{margin:.15rem 0}
.wide{overflow-x:auto;margin:.8rem 0 .4rem}
table{border-collapse:collapse;width:100%;font-size:.87rem;line-height:1.35}
table.small{font-size:.8rem}
table.tiny{font-size:.74rem}
caption,.caption{text-align:left;font-weight:700;padding:0 0 .35rem;font-size:.95rem;margin:.8rem 0 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid #d5dae0}
thead th{border-bottom:2px solid #55606e;vertical-align:bottom;font-weight:700}
tbody tr:nth-child(even){background:#f7f9fb}
.r{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
thead .r{white-space:normal}
td.c{font-family:"SFMono-Regular",Consolas,"Liberation Mono",Menlo,monospace;font-size:.95em}
td.c code{font-size:1em}
.b{overflow-wrap:anywhere;min-width:7em}
.b.r{white-space:normal}
td code{overflow-wrap:inherit}
.t{white-space:nowrap}
.under{display:block;font-size:.88em;color:#55606e;margin:0}
table.facts{width:auto;min-width:min(24rem,100%);margin:.3rem 0 1rem}
table.facts th{font-weight:400;color:#55606e;padding-left:0;min-width:8rem}
table.facts td{overflow-wrap:anywhere}
table.facts tr:nth-child(even){background:none}
.rest{font-size:.85rem;color:#55606e}
.empty{color:#55606e;font-style:italic}
.note{border:1px solid #c3cad2;border-left:4px solid #5b6470;padding:.6rem .9rem;margin:.8rem 0}
.note p{margin:0;max-width:none}
.note-good{border-left-color:#00684b;background:#eff7f3}
.note-warning{border-left-color:#b06a00;background:#fdf6e9}
.note-bad{border-left-color:#9e2a1f;background:#fcf0ee}
.good{color:#00583f}
.warning{color:#7a4a00}
.bad{color:#8f2419}
.bad,.warning{font-weight:700}
.mark{width:.8em;height:.8em;margin-right:.35em;fill:none;stroke:currentColor;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round;vertical-align:-.05em}
.figures{display:flex;flex-wrap:wrap;gap:.8rem;margin:.6rem 0 1.2rem}
.figure{flex:1 1 6.6rem;min-width:0;border:1px solid #d5dae0;border-top:3px solid #5b6470;padding:.6rem .8rem;font-weight:400}
.figure.good{border-top-color:#00684b}
.figure.warning{border-top-color:#b06a00}
.figure.bad{border-top-color:#9e2a1f}
.figure p{margin:0;overflow-wrap:anywhere}
.figure .value{font-size:1.45rem;line-height:1.2;font-weight:700;font-variant-numeric:tabular-nums}
.figure .label{color:#1c2430}
.figure .label::first-letter{text-transform:uppercase}
.chart{margin:1rem 0 1.2rem}
.chart figcaption{font-weight:700;font-size:.95rem;margin-bottom:.4rem}
.chart svg{display:block;width:100%;height:auto;overflow:hidden;font:10.5px "Helvetica Neue",Arial,"Liberation Sans","Noto Sans",sans-serif}
.chart text{fill:#1c2430}
.chart .unit,.chart .empty{fill:#55606e}
.chart .axis{stroke:#55606e;stroke-width:1;fill:none}
.chart .grid{stroke:#dfe3e8;stroke-width:1;fill:none}
.chart .lane{fill:#fff;stroke:#d5dae0;stroke-width:.5}
.chart .swatch,.chart .part{stroke:#fff;stroke-width:.4}
table.form{margin:.6rem 0 1rem}
table.form tr{background:none}
table.form th{width:11rem;font-weight:400;border:0;padding:.9rem .6rem .2rem 0;vertical-align:bottom}
table.form td{border:0;border-bottom:1px solid #1c2430;height:2.4rem}
${COLUMN_WIDTHS}
`
