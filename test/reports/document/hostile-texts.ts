/** Texts that break out where somebody forgot something: of markup, attributes, style, titles, comments, references, reading order. */

/** What a script would turn the title into, and the element it would make. */
export const RAN = 'it-ran'

/** `origin`: where anything that is fetched would be fetched from, `http://127.0.0.1:1234`. */
export function hostileTexts(origin: string): readonly string[] {
  const code = `document.title='${RAN}';fetch('${origin}/f');document.body.append(document.createElement('${RAN}'))`
  return [
    `<script>${code}</script>`,
    `</style><script>${code}</script>`,
    `</title><script>${code}</script>`,
    `</textarea></noscript></template><script>${code}</script>`,
    `<img src="${origin}/i" onerror="${code}">`,
    `"><svg onload="${code}">`,
    `' onmouseover='${code}' autofocus onfocus='${code}' x='`,
    `" style="background:url(${origin}/s)" onanimationstart="${code}" x="`,
    '`` onload=alert(1) ``',
    `javascript:${code}`,
    `<a href="javascript:${code}">here</a><base href="${origin}/">`,
    `<iframe srcdoc="<script>parent.${code}</script>"></iframe>`,
    `<meta http-equiv="refresh" content="0;url=${origin}/m"><link rel="stylesheet" href="${origin}/l">`,
    `<object data="${origin}/o"></object><embed src="${origin}/e"><form action="${origin}/a"><input autofocus>`,
    `]]><script>${code}</script><![CDATA[`,
    `--><script>${code}</script><!--`,
    `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=${origin}/n onerror=${RAN}&gt;">`,
    `&lt;script&gt;${code}&lt;/script&gt; &#60;b&#62; &amp;lt;`,
    `";}*{background:url(${origin}/c)}@import "${origin}/c2";\\22 \\00003c/style>`,
    `\u202edrowssap\u202c \u2066hidden\u2069 \u200bzero\u00adsoft\ufeff`,
    `\u001b]0;${RAN}\u0007\u001b[2J\u009b31m\r\n\t\u0000\u007f\u2028\u2029`,
    '\ud800 lone \udfff surrogates \ud83d',
    `z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a \u3164\uffa0\u2800\ufe0f\u{e0041}`,
    `\u05d0\u05d1\u05d2 (10.8.0.7) \u0627\u0644\u0639\u0631\u0628\u064a\u0629`,
    `(\\) /JavaScript /URI (${origin}/p) /CreationDate (D:19990101000000+00'00')`,
    'W'.repeat(5000),
    `<b>${'x y '.repeat(3000)}</b>`,
    '=cmd|calc!A1',
    '\uff1cscript\uff1e\u2039script\u203a',
  ]
}
