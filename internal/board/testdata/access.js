// access.js looks for what keeps people from reading a page, and returns a list
// of what it found: language, title, landmarks, headings, names of links and
// fields, tables, drawings and what cannot be seen of them, identifiers, contrast
// (WCAG 2.2, 1.4.3: 4.5 to 1, 3 to 1 for large text) and a width that needs
// scrolling in two directions.
(function () {
  const found = [];
  const all = function (q, at) { return Array.from((at || document).querySelectorAll(q)); };
  const say = function (what, el) {
    found.push(what + (el ? ': ' + el.outerHTML.slice(0, 160) : ''));
  };
  const name = function (el) {
    const by = el.getAttribute('aria-labelledby');
    if (by) return by.split(/\s+/).map(function (id) { const e = document.getElementById(id); return e ? e.textContent : ''; }).join(' ').trim();
    return (el.getAttribute('aria-label') || el.textContent || '').trim();
  };

  if (!document.documentElement.lang) say('no language');
  if (!document.title.trim()) say('no title');
  for (const q of ['main', 'body > header', 'body > footer', 'h1']) {
    if (all(q).length !== 1) say(all(q).length + ' of ' + q);
  }
  const navs = all('nav').map(name);
  if (navs.some(function (n) { return !n; }) || new Set(navs).size !== navs.length) say('navigations without names of their own');
  const skip = document.querySelector('body > a.skip');
  if (!skip || !document.querySelector(skip.getAttribute('href'))) say('no way to skip to the content');

  let last = 0;
  for (const h of all('h1,h2,h3,h4,h5,h6')) {
    const level = Number(h.tagName[1]);
    if (level > last + 1) say('a heading skips a level', h);
    if (!h.textContent.trim()) say('an empty heading', h);
    last = level;
  }
  const ids = all('[id]').map(function (e) { return e.id; });
  if (new Set(ids).size !== ids.length) say('an identifier stands twice');
  for (const a of ['aria-labelledby', 'aria-describedby', 'for']) {
    for (const el of all('[' + a + ']')) {
      for (const id of el.getAttribute(a).split(/\s+/)) if (!document.getElementById(id)) say(a + ' names nothing', el);
    }
  }
  for (const el of all('a[href],button,summary')) if (!name(el)) say('no name', el);
  for (const el of all('input,select,textarea')) if (!el.labels || el.labels.length === 0) say('no label', el);
  for (const el of all('section,[role=region]')) if (!el.matches('[aria-label],[aria-labelledby]')) say('a region without a name', el);
  const regions = all('section,[role=region]').map(name);
  if (new Set(regions).size !== regions.length) say('two regions of one name');
  for (const el of all('img')) if (!el.hasAttribute('alt')) say('an image without text', el);
  for (const el of all('svg')) {
    if (el.getAttribute('aria-hidden') === 'true') continue;
    if (el.getAttribute('role') !== 'img' || !el.querySelector(':scope > title') || !name(el)) say('a drawing without title', el);
  }
  for (const el of all('svg text, svg .mark')) {
    const box = el.getBoundingClientRect();
    if (el.getClientRects().length === 0 || box.width === 0) continue;
    if (el.tagName === 'text' && box.height < 11) say('a text too small in a drawing', el);
    if (box.left < 0 || box.right > document.documentElement.clientWidth) say('a part of a drawing out of sight', el);
  }
  for (const el of all('table')) {
    if (!el.querySelector(':scope > caption')) say('a table without caption', el);
    for (const th of all('th', el)) if (!th.getAttribute('scope')) say('a head without scope', th);
    if (!el.querySelector('tbody th[scope=row]')) say('rows without head', el);
  }
  for (const el of all('ol,ul')) {
    for (const child of el.children) if (child.tagName !== 'LI') say('a list with something else', el);
  }
  for (const el of all('*')) {
    if (el.tabIndex > 0) say('an order of its own', el);
    for (const a of el.attributes) if (/^on/i.test(a.name) || a.name === 'style') say('inline ' + a.name, el);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) say('wider than the window by ' +
    (document.documentElement.scrollWidth - document.documentElement.clientWidth));

  const rgb = function (c) {
    const m = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(c);
    return m ? [Number(m[1]), Number(m[2]), Number(m[3]), m[4] === undefined ? 1 : Number(m[4])] : null;
  };
  const light = function (c) {
    const f = c.slice(0, 3).map(function (v) { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
    return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2];
  };
  const ground = function (el) {
    for (let e = el; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c && c[3] === 1) return c;
      if (c && c[3] > 0) return null;
    }
    return [255, 255, 255, 1];
  };
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const el = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || el.closest('title,desc,.unseen,script') || el.getClientRects().length === 0) continue;
    const style = getComputedStyle(el);
    const ink = rgb(el.closest('svg') ? style.fill : style.color);
    const under = ground(el);
    if (!ink || ink[3] !== 1 || !under) { say('a colour that cannot be told', el); continue; }
    const a = light(ink), b = light(under);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
    looked++;
    if (contrast < (large ? 3 : 4.5)) say('a contrast of ' + contrast.toFixed(2), el);
  }
  if (looked < 10) say('only ' + looked + ' texts were looked at');
  return found;
}())
