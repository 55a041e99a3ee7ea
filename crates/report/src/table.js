// The table of trials: rows from JSON, twenty at a time, the recommended and the best one on top.
(() => {
  'use strict';
  const source = document.getElementById('json-table');
  if (!source) return;
  const { name, columns, rows, recommended, best } = JSON.parse(source.textContent);
  const size = 20;
  const head = document.querySelector('#table thead tr');
  const body = document.querySelector('#table tbody');
  const [filter, before, after, count, csv] =
    ['filter', 'before', 'after', 'count', 'csv'].map((id) => document.getElementById(id));
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const shown = (cell) => (cell === null ? '' : typeof cell === 'number' ? String(Number(cell.toPrecision(5))) : cell);
  const result = columns.findIndex((column) => column.key === 'result');
  const trial = columns.findIndex((column) => column.key === 'trial');
  // The newest first, until somebody sorts.
  let order = rows.map((_, i) => rows.length - 1 - i), by = null, up = true, page = 0, found = order;

  const line = (index, pinned) => {
    const element = make('tr', undefined, pinned ? 'pinned' : '');
    element.append(...rows[index].map((cell, i) => {
      const text = shown(cell);
      const place = make(i === trial ? 'th' : 'td', text, columns[i].number ? 'number' : '');
      if (i === trial) place.scope = 'row';
      if (i === trial && pinned) place.append(make('span', ` ${pinned}`, 'pin'));
      if (i === result) place.dataset.mark = { 'limits kept': 'good', measured: 'good', 'limit broken': 'warn', failed: 'bad' }[cell] ?? '';
      if (text.length > 24) place.title = text;
      return place;
    }));
    return element;
  };
  const fill = () => {
    const pages = Math.max(1, Math.ceil(found.length / size));
    page = Math.min(Math.max(page, 0), pages - 1);
    const part = found.slice(page * size, (page + 1) * size);
    const pins = [];
    if (recommended !== null) pins.push(line(recommended, recommended === best ? 'recommended, best' : 'recommended'));
    if (best !== null && best !== recommended) pins.push(line(best, 'best measured'));
    body.replaceChildren(...pins, ...part.map((index) => line(index, '')));
    count.textContent = found.length === 0 ? 'no trial'
      : `${page * size + 1}–${page * size + part.length} of ${found.length}`;
    before.disabled = page === 0;
    after.disabled = page >= pages - 1;
  };
  const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const keys = columns.map((column) => [plain(column.key), plain(column.name)]);
  const compares = {
    '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b, '=': (a, b) => a === b,
  };
  // A word that a row holds, or `name<30`.
  const test = (word) => {
    const [, left, sign, right] = word.match(/^([^<>=]+)(<=|>=|<|>|=)(.+)$/) ?? [];
    const wanted = left === undefined ? '' : plain(left);
    const column = wanted && keys.findIndex((names) => names.some((key) => key === wanted));
    const place = column === -1 ? keys.findIndex((names) => names.some((key) => key.startsWith(wanted))) : column;
    if (!wanted || place === -1) return (index) => rows[index].some((cell) => shown(cell).toLowerCase().includes(word));
    const number = Number(right.replace(',', '.'));
    if (Number.isNaN(number)) return (index) => sign === '=' && plain(shown(rows[index][place])) === plain(right);
    return (index) => typeof rows[index][place] === 'number' && compares[sign](rows[index][place], number);
  };
  const search = () => {
    const tests = filter.value.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    found = tests.length ? order.filter((index) => tests.every((holds) => holds(index))) : order;
    page = 0;
    fill();
  };
  const compare = (a, b) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    const way = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
    return up ? way : -way;
  };
  head.append(...columns.map((column, i) => {
    const cell = make('th', undefined, column.number ? 'number' : '');
    cell.scope = 'col';
    const button = make('button', column.name);
    button.type = 'button';
    button.addEventListener('click', () => {
      up = by === i ? !up : true;
      by = i;
      order = rows.map((_, k) => k).sort((a, b) => compare(rows[a][i], rows[b][i]) || a - b);
      [...head.children].forEach((other) => other.removeAttribute('aria-sort'));
      cell.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      search();
    });
    cell.append(button);
    return cell;
  }));
  // A text that a spreadsheet would take for a formula is kept from it.
  const quoted = (cell) => {
    if (cell === null) return '';
    if (typeof cell === 'number') return String(cell);
    const text = /^[=+\-@]/.test(cell) ? `'${cell}` : cell;
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  csv.addEventListener('click', () => {
    const lines = [columns.map((column) => column.name), ...found.map((index) => rows[index])];
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([lines.map((row) => row.map(quoted).join(',')).join('\n') + '\n'], { type: 'text/csv' }));
    link.download = `${name}-trials.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  filter.addEventListener('input', search);
  before.addEventListener('click', () => { page -= 1; fill(); });
  after.addEventListener('click', () => { page += 1; fill(); });
  search();
})();
