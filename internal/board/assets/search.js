'use strict';
// The search of a pathgate board. It reads assets/search-index.js, writes text
// only (never HTML), and asks nobody anything.
(function () {
  const rows = self.pathgateIndex || [];
  const form = document.getElementById('search');
  const input = document.getElementById('words');
  const found = document.getElementById('found');
  const results = document.getElementById('results');
  const most = 50;

  // score is how well a row fits all words, zero if it does not.
  function score(row, words) {
    const name = row[1].toLowerCase();
    const text = row[2].toLowerCase();
    let sum = 0;
    for (const word of words) {
      if (name === word) sum += 100;
      else if (name.startsWith(word)) sum += 20;
      else if (name.includes(word)) sum += 5;
      else if (text.includes(word)) sum += 2;
      else return 0;
    }
    return sum;
  }

  function item(row) {
    const li = document.createElement('li');
    const kind = document.createElement('span');
    kind.className = 'chip plain';
    kind.textContent = row[0];
    const a = document.createElement('a');
    a.textContent = row[0] === 'commit' ? row[1].slice(0, 7) : row[1];
    if (row[3]) a.href = row[3];
    const text = document.createElement('bdi');
    text.className = 'subject';
    text.textContent = row[2];
    li.append(kind, ' ', a, ' ', text);
    return li;
  }

  function show() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) {
      results.replaceChildren();
      found.textContent = rows.length + ' names to search.';
      return;
    }
    const hits = [];
    for (const row of rows) {
      const points = score(row, words);
      if (points > 0) hits.push({ points: points, row: row });
    }
    hits.sort(function (a, b) { return b.points - a.points; });
    results.replaceChildren.apply(results, hits.slice(0, most).map(function (hit) { return item(hit.row); }));
    found.textContent = hits.length === 0 ? 'Nothing found.' :
      hits.length > most ? 'The best ' + most + ' of ' + hits.length + '.' : hits.length + ' found.';
  }

  // What is looked for stands in the address, so that it can be handed on.
  function fromAddress() {
    let words = '';
    try {
      words = decodeURIComponent(self.location.hash.slice(1));
    } catch (e) {
      words = '';
    }
    input.value = words === 'main' ? '' : words.slice(0, 100);
    show();
  }

  form.hidden = false;
  input.addEventListener('input', show);
  form.addEventListener('submit', function (event) {
    event.preventDefault();
    self.location.hash = encodeURIComponent(input.value);
  });
  self.addEventListener('hashchange', fromAddress);
  fromAddress();
}());
