(() => {
  'use strict';
  const nonce = document.currentScript.nonce;
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
    ['rgba(213,94,0,', 'rgba(255,148,80,'], ['#D55E00', '#FF9450'], ['#E69F00', '#F2B845'], ['#CC79A7', '#E3A3C5'], ['#7A828C', '#98A2AD'], ['#1B1F24', '#E6E8EA'],
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
    const small = box.classList.contains('small');
    if (small) layout.margin = { l: 52, r: 8, t: 8, b: 40 };
    if (box.clientWidth < 420) {
      layout.font = { size: 11 };
      layout.legend = { orientation: 'h', x: 0, y: -0.25, yanchor: 'top' };
    }
    const config = {
      responsive: true, displaylogo: false, displayModeBar: small || box.clientWidth < 420 ? false : 'hover', modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d'],
      toImageButtonOptions: { format: 'svg', filename: box.id },
    };
    if (box.dataset.drawn) Plotly.purge(box);
    box.dataset.drawn = 'yes';
    Plotly.newPlot(box, data, layout, config).catch((error) => { box.textContent = String(error); });
  };
  // Plotly is compressed: it is unpacked when the first figure is to be drawn.
  const unpack = async () => {
    const packed = atob(document.getElementById('plotly').textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.nonce = nonce;
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };
  let ready = null;
  const boxes = [...document.querySelectorAll('.plot')];
  const with_plotly = (work) => (ready ??= unpack()).then(work, (error) => {
    boxes.forEach((box) => { box.textContent = `This browser cannot draw the pictures: ${error}`; });
  });
  const is_seen = (box) => !box.closest('details:not([open])');
  const draw_all = (chosen) => with_plotly(() => chosen.filter((box) => !box.dataset.drawn).forEach(draw));
  const all = () => draw_all(boxes.filter(is_seen));
  const again = () => with_plotly(() => boxes.filter((box) => box.dataset.drawn).forEach(draw));
  if ('IntersectionObserver' in window && location.hash !== '#all') {
    const observer = new IntersectionObserver((entries) => {
      const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
      seen.forEach((box) => observer.unobserve(box));
      if (seen.length) draw_all(seen);
    }, { rootMargin: '300px' });
    boxes.forEach((box) => observer.observe(box));
  } else {
    if (location.hash === '#all') document.querySelectorAll('main details').forEach((part) => { part.open = true; });
    all();
  }
  addEventListener('beforeprint', all);
  document.querySelectorAll('nav.narrow a').forEach((link) => {
    link.addEventListener('click', () => { link.closest('details').open = false; });
  });
  dusk.addEventListener('change', again);
  document.getElementById('theme').addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.setItem(keep, root.dataset.theme); } catch { /* then not kept */ }
    again();
  });
})();
