// The table of runs in a notebook: sort, filter, select, compare. No imports, so that it works with no network.

const STYLE = {
  line: '1px solid var(--jp-border-color2, rgba(128,128,128,.35))',
  quiet: 'var(--jp-ui-font-color2, inherit)',
  tones: {
    FINISHED: 'var(--jp-success-color1, #388e3c)',
    FAILED: 'var(--jp-error-color1, #d32f2f)',
    KILLED: 'var(--jp-error-color1, #d32f2f)',
    RUNNING: 'var(--jp-info-color1, #0288d1)'
  }
};

// It stays in sight while the rows are scrolled.
const HEAD = { borderBottom: STYLE.line, position: 'sticky', top: '0', background: 'var(--jp-layout-color0, Canvas)' };

// Rows that are drawn; of more, the filter finds the others.
const MOST_ROWS = 500;

// How long ago, in words: a table may stand for days.
function age(at) {
  const seconds = Math.max(0, Date.now() / 1000 - at);
  const [n, unit] = [[86400, 'day'], [3600, 'h'], [60, 'min'], [1, 's']]
    .map(([size, unit]) => [Math.floor(seconds / size), unit])
    .find(([n]) => n > 0) ?? [0, 's'];
  return unit === 's' && n < 10 ? 'just now' : `${n} ${unit}${unit === 'day' && n > 1 ? 's' : ''} ago`;
}

// Everything that a user can name goes through here, as text.
function element(tag, text = '', style = {}, attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  Object.assign(node.style, style);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  return node;
}

function cell(tag, text, isNumber, more = {}) {
  const align = isNumber ? 'right' : 'left';
  const space = isNumber ? 'nowrap' : 'normal';
  return element(tag, text, { padding: '2px 14px 2px 0', textAlign: align, whiteSpace: space, fontWeight: tag === 'th' ? '600' : 'inherit', ...more });
}

function columnsOf(model) {
  const fixed = [
    { name: 'run', text: row => row.id.slice(0, 8), key: row => row.id },
    { name: 'name', text: row => row.name, key: row => row.name },
    { name: 'experiment', text: row => row.experiment, key: row => row.experiment },
    { name: 'status', text: row => row.status, key: row => row.status, tone: row => STYLE.tones[row.status] },
    { name: 'took', text: row => row.took, key: row => row.took_s, isNumber: true }
  ];
  const metrics = model.get('metrics').map(name => ({
    name,
    text: row => row.metrics[name]?.[1] ?? '',
    key: row => row.metrics[name]?.[0],
    isNumber: true
  }));
  const params = model.get('params').map(name => ({
    name,
    text: row => row.params[name] ?? '',
    key: row => {
      const value = row.params[name];
      return value !== undefined && value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
    }
  }));
  const tags = model.get('tags').map(name => ({ name, text: row => row.tags[name] ?? '', key: row => row.tags[name] }));
  return [...fixed, ...metrics, ...params, ...tags, { name: 'started', text: row => age(row.started_at), key: row => -row.started_at, isNumber: true, isAge: true }];
}

// What has no value comes last, whichever way it is sorted.
function compareKeys(a, b, sign) {
  if (a === undefined || a === null || b === undefined || b === null) {
    return (a === undefined || a === null) - (b === undefined || b === null);
  }
  if (typeof a === 'number' && typeof b === 'number') {
    return sign * (a - b);
  }
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
}

function drawComparison(comparison, host) {
  host.replaceChildren();
  if (comparison.error) {
    host.append(element('p', comparison.error, { color: STYLE.tones.FAILED }));
  }
  for (const { title, rows } of comparison.tables ?? []) {
    host.append(element('div', title, { fontWeight: '600', margin: '8px 0 2px' }));
    const table = element('table', '', { borderCollapse: 'collapse' });
    const head = element('tr');
    head.append(cell('th', ''), ...comparison.runs.map(name => cell('th', name)));
    table.append(head);
    for (const row of rows) {
      const line = element('tr');
      line.append(cell('td', row.name, false, { color: STYLE.quiet }));
      row.values.forEach((value, index) =>
        line.append(cell('td', value, false, index === row.best ? { color: STYLE.tones.FINISHED, fontWeight: '600' } : {}))
      );
      table.append(line);
    }
    host.append(table);
  }
  for (const note of comparison.notes ?? []) {
    host.append(element('p', note, { color: STYLE.quiet, margin: '4px 0' }));
  }
}

function render({ model, el }) {
  const selected = new Set();
  let sorted = null; // as they were asked for
  let filter = '';

  const bar = element('div', '', { display: 'flex', flexWrap: 'wrap', gap: '8px', alignItems: 'center', margin: '4px 0 8px' });
  const box = { boxSizing: 'border-box', height: '28px', margin: '0', padding: '0 8px', font: 'inherit', color: 'inherit' };
  const frame = { border: STYLE.line, borderRadius: '2px', background: 'var(--jp-input-background, transparent)' };
  const input = element('input', '', { ...box, ...frame, flex: '0 1 22em', minWidth: '8em' }, {
    type: 'search',
    placeholder: 'Filter, such as: finished c=0.5',
    title: 'By name, experiment, status, parameter, metric: each word must be found',
    'aria-label': 'Filter runs'
  });
  const button = element('button', 'Compare', { ...box, ...frame, padding: '0 12px' }, { type: 'button' });
  const count = element('span', '', { color: STYLE.quiet }, { role: 'status' });
  const table = element('table', '', { borderCollapse: 'collapse', fontVariantNumeric: 'tabular-nums' });
  const scroll = element('div', '', { overflow: 'auto', maxHeight: '420px' });
  const note = element('div', '', { color: STYLE.quiet });
  const comparison = element('div', '', {}, { 'aria-live': 'polite' });
  bar.append(input, button, count);
  scroll.append(table);
  el.append(bar, scroll, note, comparison);
  el.style.color = 'var(--jp-ui-font-color1, inherit)';
  el.style.fontSize = 'var(--jp-ui-font-size1, 13px)';

  function shown(columns) {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = model.get('rows').filter(row => words.every(word => row.said.includes(word)));
    const by = columns.find(column => column.name === sorted?.name);
    return by ? rows.sort((a, b) => compareKeys(by.key(a), by.key(b), sorted.sign)) : rows;
  }

  function head(columns) {
    const line = element('tr');
    line.append(cell('th', '', false, HEAD));
    for (const column of columns) {
      const isSorted = column.name === sorted?.name;
      const mark = isSorted ? (sorted.sign > 0 ? ' ▲' : ' ▼') : '';
      const th = cell('th', '', column.isNumber, HEAD);
      const button = element('button', column.name + mark, { all: 'unset', cursor: 'pointer' }, { type: 'button' });
      button.addEventListener('click', () => {
        sorted = { name: column.name, sign: isSorted ? -sorted.sign : 1 };
        draw();
      });
      th.setAttribute('aria-sort', isSorted ? (sorted.sign > 0 ? 'ascending' : 'descending') : 'none');
      th.append(button);
      line.append(th);
    }
    return line;
  }

  let ages = [];
  const timer = setInterval(() => ages.forEach(tick => tick()), 10_000);
  function draw() {
    ages = [];
    const columns = columnsOf(model);
    const rows = shown(columns);
    const lines = rows.slice(0, MOST_ROWS).map(row => {
      const line = element('tr');
      const box = element('input', '', {}, { type: 'checkbox', 'aria-label': `Select ${row.name}` });
      box.checked = selected.has(row.id);
      box.addEventListener('change', () => {
        selected[box.checked ? 'add' : 'delete'](row.id);
        tell();
      });
      const first = cell('td', '');
      first.append(box);
      const cells = columns.map(one => cell('td', one.text(row), one.isNumber, { color: one.tone?.(row) ?? '' }));
      columns.forEach((one, at) => one.isAge && ages.push(() => (cells[at].textContent = one.text(row))));
      line.append(first, ...cells);
      return line;
    });
    table.replaceChildren(head(columns), ...lines);
    nShown = rows.length;
    note.textContent = [nShown > MOST_ROWS ? `Only ${MOST_ROWS} are shown here; filter for the others.` : '', model.get('note')].join(' ').trim();
    tell();
  }

  let nShown = 0;
  function tell() {
    const all = model.get('rows').length;
    const runs = all === 1 ? '1 run' : `${all} runs`;
    const some = nShown === all ? runs : `${nShown} of ${runs}`;
    count.textContent = selected.size ? `${some}, ${selected.size} selected` : some;
    button.disabled = selected.size < 2;
    button.style.opacity = button.disabled ? '0.5' : '1';
    button.style.cursor = button.disabled ? 'default' : 'pointer';
    button.title = button.disabled ? 'Select two runs or more' : '';
  }

  input.addEventListener('input', () => {
    filter = input.value;
    draw();
  });
  // Keys typed into the filter are not the notebook's.
  input.addEventListener('keydown', event => event.stopPropagation());
  button.addEventListener('click', () => {
    const ids = model.get('rows').map(row => row.id).filter(id => selected.has(id));
    comparison.replaceChildren(element('p', 'Comparing…', { color: STYLE.quiet }));
    model.send({ compare: ids });
  });
  const onComparison = () => drawComparison(model.get('comparison'), comparison);
  model.on('change:rows', draw);
  model.on('change:comparison', onComparison);
  draw();
  onComparison();
  return () => {
    clearInterval(timer);
    model.off('change:rows', draw);
    model.off('change:comparison', onComparison);
  };
}

export default { render };
