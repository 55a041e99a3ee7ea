(() => {
  'use strict';
  const root = document.documentElement;
  const dusk = matchMedia('(prefers-color-scheme: dark)');
  const keep = 'forethought-theme';
  const dark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dusk.matches);
  try {
    const theme = localStorage.getItem(keep);
    if (theme === 'dark' || theme === 'light') root.dataset.theme = theme;
  } catch { /* a file may have no storage */ }

  // Colours of figures are made for light pages; these are their lighter sisters.
  const sisters = [
    ['#0072B2', '#6CB8EC'], ['rgba(0,114,178,', 'rgba(108,184,236,'], ['#009E73', '#3FC79A'],
    ['#D55E00', '#FF9450'], ['#E69F00', '#F2B845'], ['#CC79A7', '#E3A3C5'], ['#7A828C', '#98A2AD'], ['#1B1F24', '#E6E8EA'],
  ];
  const specification = (id) => {
    let text = document.getElementById('json-' + id).textContent;
    if (dark()) for (const [light, other] of sisters) text = text.replaceAll(light, other);
    return JSON.parse(text);
  };
  const template = () => {
    const [ink, line] = dark() ? ['#C3CBD3', '#2D333B'] : ['#3B434C', '#E4E6E9'];
    const axis = {
      gridcolor: line, linecolor: line, zeroline: false, automargin: true, tickcolor: line, ticks: 'outside', ticklen: 4,
      title: { standoff: 10 },
    };
    return { layout: {
      font: { family: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', size: 13, color: ink },
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', xaxis: axis, yaxis: axis,
      legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom' },
      margin: { l: 60, r: 16, t: 36, b: 48 }, hovermode: 'closest',
      hoverlabel: { bgcolor: dark() ? '#20262D' : '#FFFFFF', bordercolor: line, font: { color: ink } },
      modebar: { bgcolor: 'rgba(0,0,0,0)', color: line, activecolor: ink },
    } };
  };
  const draw = (box) => {
    const { data, layout } = specification(box.id);
    layout.template = template();
    layout.height = parseInt(box.style.height, 10);
    const config = {
      responsive: true, displaylogo: false, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'],
      toImageButtonOptions: { format: 'svg', filename: box.id },
    };
    if (box.dataset.drawn) Plotly.purge(box);
    box.dataset.drawn = 'yes';
    Plotly.newPlot(box, data, layout, config).catch((error) => { box.textContent = String(error); });
  };
  const boxes = [...document.querySelectorAll('.plot')];
  const all = () => boxes.filter((box) => !box.dataset.drawn).forEach(draw);
  const again = () => boxes.filter((box) => box.dataset.drawn).forEach(draw);
  if ('IntersectionObserver' in window && location.hash !== '#all') {
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        if (!entry.target.dataset.drawn) draw(entry.target);
      }
    }, { rootMargin: '300px' });
    boxes.forEach((box) => observer.observe(box));
  } else all();
  addEventListener('beforeprint', all);
  dusk.addEventListener('change', again);
  document.getElementById('theme').addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.setItem(keep, root.dataset.theme); } catch { /* then not kept */ }
    again();
  });

  // The table of trials: rows from JSON, a hundred at a time.
  const source = document.getElementById('json-table');
  if (!source) return;
  const { columns, rows } = JSON.parse(source.textContent);
  const size = 100;
  const head = document.querySelector('#table thead tr');
  const body = document.querySelector('#table tbody');
  const [filter, before, after, count] = ['filter', 'before', 'after', 'count'].map((id) => document.getElementById(id));
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const shown = (cell) => (cell === null ? '' : typeof cell === 'number' ? String(Number(cell.toPrecision(6))) : cell);
  const texts = rows.map((row) => row.map(shown).join(' ').toLowerCase());
  let order = rows.map((_, i) => i), by = null, up = true, page = 0, found = order;

  const fill = () => {
    const pages = Math.max(1, Math.ceil(found.length / size));
    page = Math.min(Math.max(page, 0), pages - 1);
    const part = found.slice(page * size, (page + 1) * size);
    body.replaceChildren(...part.map((index) => {
      const line = make('tr');
      line.append(...rows[index].map((cell, i) => make('td', shown(cell), columns[i].number ? 'number' : '')));
      return line;
    }));
    count.textContent = found.length === 0 ? 'no trial'
      : `${page * size + 1}–${page * size + part.length} of ${found.length}`;
    before.disabled = page === 0;
    after.disabled = page >= pages - 1;
  };
  const search = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length ? order.filter((i) => words.every((word) => texts[i].includes(word))) : order;
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
  filter.addEventListener('input', search);
  before.addEventListener('click', () => { page -= 1; fill(); });
  after.addEventListener('click', () => { page += 1; fill(); });
  search();
})();
