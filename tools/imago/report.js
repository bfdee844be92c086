'use strict';
// Draws the curves and changes the samples of a run's page. What it shows comes from the element
// #data; what is chosen lies in the address, behind #, so that a view can be linked.
(() => {
const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const svgSpace = byId('chart').content.querySelector('svg').namespaceURI;
const svg = (name, attributes, text) => {
  const node = document.createElementNS(svgSpace, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
};
const element = (name, attributes, ...children) => {
  const node = document.createElement(name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  node.append(...children);
  return node;
};

// ---- numbers
const minus = text => text.replace('-', '\u2212');
const grouped = text => text.replace(/^(\D?)(\d{5,})/, (all, sign, digits) =>
  sign + digits.replace(/\B(?=(\d{3})+$)/g, '\u202f'));
const show = value => {
  if (value === null) return 'not finite';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) return minus(value.toExponential(3).replace('e+', 'e'));
  return grouped(minus(value.toFixed(size >= 100 ? 2 : size >= 1 ? 3 : 5)));
};
const showTick = (value, step) => {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return minus(value.toExponential(1).replace('.0e', 'e').replace('e+', 'e'));
  return grouped(minus(value.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))))));
};

// ---- the view
const view = {x: 'step', logx: false, logy: false, at: null, sample: null};
const whole = text => text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
const readView = () => {
  const given = new URLSearchParams(location.hash.slice(1));
  view.x = given.get('x') === 'epoch' ? 'epoch' : 'step';
  view.logx = given.get('logx') === '1';
  view.logy = given.get('logy') === '1';
  view.at = whole(given.get('at'));
  view.sample = whole(given.get('sample'));
};
const writeView = () => {
  const chosen = new URLSearchParams();
  if (view.x !== 'step') chosen.set('x', view.x);
  for (const key of ['logx', 'logy']) if (view[key]) chosen.set(key, '1');
  for (const key of ['at', 'sample']) if (view[key] !== null) chosen.set(key, view[key]);
  try {
    history.replaceState(null, '', '#' + chosen);
  } catch (e) {
    // Some browsers keep pages from files from changing their address; the view works without.
  }
};

// ---- scales and ticks
const linearTicks = (low, high, count) => {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(m => m * power >= rough * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks.map(value => ({value, text: showTick(value, step)}));
};
const logTicks = (low, high, count) => {
  const decades = Math.log10(high / low);
  if (decades < 1) return linearTicks(low, high, count).filter(tick => tick.value > 0);
  const factors = decades < 3 ? [1, 2, 5] : [1], every = Math.max(1, Math.ceil(decades / count));
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    if (power % every === 0)
      for (const factor of factors) {
        const value = factor * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) ticks.push({value, text: showTick(value, 10 ** power)});
      }
  return ticks;
};
const scale = (low, high, log, from, to) => {
  const f = log ? Math.log : v => v, a = f(low), b = f(high);
  const map = value => from + (to - from) * (f(value) - a) / (b - a);
  map.ticks = count => log ? logTicks(low, high, count) : linearTicks(low, high, count);
  return map;
};

// ---- curves
const known = ['train', 'valid', 'test'];
const seriesOf = name => data.splits.flatMap(split => {
  const own = split.figures.find(figure => figure.name === name);
  return own ? [{split: split.name, look: known.includes(split.name) ? split.name : 'other',
                 step: split.step, epoch: split.epoch, values: own.values}] : [];
});
// Of more points than there are pixels, the first, lowest, highest and last of each pixel.
const thinned = (points, width) => {
  if (points.length < 3 * width) return points;
  const kept = [];
  for (let from = 0, to; from < points.length; from = to) {
    const column = Math.floor(points[from].x);
    for (to = from; to < points.length && Math.floor(points[to].x) === column; to++);
    const group = points.slice(from, to);
    const low = group.reduce((a, b) => b.y < a.y ? b : a), high = group.reduce((a, b) => b.y > a.y ? b : a);
    kept.push(...group.filter(p => p === group[0] || p === low || p === high || p === group[group.length - 1]));
  }
  return kept;
};

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.series = seriesOf(figure.name);
    this.node = byId('chart').content.firstElementChild.cloneNode(true);
    this.svg = this.node.querySelector('svg');
    this.readout = this.node.querySelector('.readout');
    this.node.querySelector('b').textContent = figure.name;
    this.node.querySelector('.unit').textContent = figure.unit;
    this.svg.addEventListener('pointermove', event => this.point(event));
    this.svg.addEventListener('pointerdown', event => { this.point(event); writeView(); });
    this.svg.addEventListener('pointerleave', () => readAt(null));
    this.svg.addEventListener('keydown', event => this.key(event));
    this.stops = [...new Set(this.series.flatMap(s => s.step))].sort((a, b) => a - b);
  }
  // The step whose place is nearest to the pointer.
  point(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let best = null;
    for (const s of this.series)
      s.step.forEach((step, i) => {
        const far = Math.abs(this.x(s[view.x][i]) - x);
        if (Number.isFinite(far) && (!best || far < best.far)) best = {far, step};
      });
    if (best) readAt(best.step);
  }
  key(event) {
    const last = this.stops.length - 1;
    const now = view.at === null ? last + 1 : this.stops.findIndex(step => step >= view.at);
    const to = {ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - 10, PageDown: now + 10, Home: 0, End: last}[event.key];
    if (event.key === 'Escape') readAt(null);
    else if (to === undefined || last < 0) return;
    else readAt(this.stops[Math.max(0, Math.min(last, to))]);
    event.preventDefault();
    byId('spoken').textContent = this.figure.name + (view.at === null ? ': ' : ` at step ${view.at}: `) + this.readout.textContent;
    writeView();
  }
  draw() {
    const width = this.svg.clientWidth || 400, height = this.svg.clientHeight || 240;
    this.svg.replaceChildren();
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const values = this.series.flatMap(s => s.values).filter(v => v !== null);
    this.log = view.logy && values.length > 0 && values.every(v => v > 0);
    this.node.querySelector('.unit').textContent =
      [this.figure.unit, this.log ? '(log)' : view.logy ? '(linear: not all positive)' : ''].join(' ').trim();
    const positions = this.series.flatMap(s => s[view.x]).filter(x => !view.logx || x > 0);
    if (values.length === 0 || positions.length === 0) {
      this.svg.append(svg('text', {x: width / 2, y: height / 2, 'text-anchor': 'middle'}, 'no finite values'));
      this.x = this.y = () => NaN;
      this.cursor();
      return;
    }
    let low = Math.min(...values), high = Math.max(...values);
    if (low === high) [low, high] = this.log ? [low / 1.1, high * 1.1] : [low - (Math.abs(low) || 1) / 10, high + (Math.abs(high) || 1) / 10];
    if (this.log) [low, high] = [low * (low / high) ** 0.04, high * (high / low) ** 0.04];
    else [low, high] = [low - (high - low) * 0.04, high + (high - low) * 0.04];
    const first = view.logx ? Math.min(...positions) : 0;
    let end = Math.max(...positions);
    if (end <= first) end = first + 1;
    this.bottom = height - 30;
    this.y = scale(low, high, this.log, this.bottom, 8);
    const yTicks = this.y.ticks(Math.max(3, Math.round(height / 38)));
    const left = 12 + 6.6 * Math.max(...yTicks.map(tick => tick.text.length));
    this.x = scale(first, end, view.logx, left, width - 10);
    for (const tick of yTicks) {
      const y = this.y(tick.value);
      this.svg.append(svg('line', {class: 'grid', x1: left, x2: width, y1: y, y2: y}),
                      svg('text', {x: left - 8, y: y + 4, 'text-anchor': 'end'}, tick.text));
    }
    this.svg.append(svg('line', {class: 'axis', x1: left, x2: width, y1: this.bottom, y2: this.bottom}));
    for (const tick of this.x.ticks(Math.max(2, Math.round(width / 90)))) {
      const x = this.x(tick.value);
      this.svg.append(svg('line', {class: 'axis', x1: x, x2: x, y1: this.bottom, y2: this.bottom + 4}),
                      svg('text', {x, y: this.bottom + 17, 'text-anchor': 'middle'}, tick.text));
    }
    this.svg.append(svg('text', {x: width, y: height, 'text-anchor': 'end'}, view.x));
    for (const s of this.series) this.drawSeries(s, width);
    this.marks = svg('g', {});
    this.svg.append(this.marks);
    this.cursor();
  }
  drawSeries(s, width) {
    const runs = [[]];  // a value that is not finite breaks the line
    s.values.forEach((value, i) => {
      const x = this.x(s[view.x][i]);
      if (!Number.isFinite(x)) return;
      if (value === null) {
        runs.push([]);
        this.svg.append(svg('path', {class: 'broken ' + s.look, d: `M${x - 4} ${this.bottom - 4}l8 8m0 -8l-8 8`}));
      } else {
        runs[runs.length - 1].push({x, y: this.y(value)});
      }
    });
    const place = p => p.x.toFixed(2) + ' ' + p.y.toFixed(2);
    for (const points of runs)
      if (points.length > 1)
        this.svg.append(svg('path', {class: 'line ' + s.look, d: 'M' + thinned(points, width).map(place).join('L')}));
    const few = s.values.length <= 60;
    for (const points of runs)
      if (few || points.length === 1)
        for (const p of points) this.svg.append(this.mark(s.look, p.x, p.y, 2.4));
  }
  // The test split is told from the others by shape as well as by colour.
  mark(look, x, y, r) {
    const at = {class: 'point ' + look, 'data-x': x.toFixed(2), 'data-y': y.toFixed(2)};
    if (look.startsWith('test')) return svg('path', {...at, d: `M${(x - r * 1.7).toFixed(2)} ${y.toFixed(2)}l${r * 1.7} ${-r * 1.7}l${r * 1.7} ${r * 1.7}l${-r * 1.7} ${r * 1.7}z`});
    return svg('circle', {...at, cx: x.toFixed(2), cy: y.toFixed(2), r});
  }
  // The values at the step that is read, or the last ones.
  cursor() {
    this.marks?.replaceChildren();
    const parts = [];
    let at = view.at;
    if (at !== null && this.series.every(s => !s.step.includes(at))) at = null;
    let where = null;
    for (const s of this.series) {
      const i = at === null ? s.step.length - 1 : s.step.indexOf(at);
      if (i >= 0) where = {step: s.step[i], epoch: s.epoch[i], x: this.x(s[view.x][i])};
      parts.push(element('span', {}, element('i', {class: s.look}), s.split + ' ', element('b', {}, i < 0 ? '\u2013' : show(s.values[i]))));
      if (at !== null && i >= 0 && s.values[i] !== null && this.marks)
        this.marks.append(this.mark(s.look + ' read', where.x, this.y(s.values[i]), 3.6));
    }
    if (at !== null && where && this.marks) {
      const text = `step ${grouped(String(where.step))}, epoch ${minus(String(Number(where.epoch.toPrecision(4))))}`;
      const end = where.x > this.svg.clientWidth / 2;
      this.marks.prepend(svg('line', {class: 'cursor', x1: where.x, x2: where.x, y1: 2, y2: this.bottom}),
                         svg('text', {x: where.x + (end ? -6 : 6), y: 9, class: 'where', 'text-anchor': end ? 'end' : 'start'}, text));
    }
    this.readout.replaceChildren(...parts.flatMap(part => [part, ' ']));
    this.svg.setAttribute('aria-label', `${this.figure.name} by ${view.x}: ` + (this.series.map(s => {
      const finite = s.values.filter(v => v !== null);
      return finite.length ? `${s.split}, ${s.values.length} points, from ${show(finite[0])} to ${show(finite[finite.length - 1])}` : `${s.split}, nothing finite`;
    }).join('; ') || 'nothing') + '. Arrow keys read the values.');
  }
}

const charts = data.figures.map(figure => new Chart(figure));
const drawCurves = () => charts.forEach(chart => chart.draw());
const readAt = step => {
  if (view.at === step) return;
  view.at = step;
  charts.forEach(chart => chart.cursor());
};
if (charts.length === 0) byId('charts').append(element('p', {class: 'absent'}, 'No figures yet.'));
byId('charts').append(...charts.map(chart => chart.node));
const axes = byId('axes');
axes.hidden = charts.length === 0;
axes.addEventListener('change', () => {
  view.x = axes.elements.x.value;
  view.logx = axes.elements.logx.checked;
  view.logy = axes.elements.logy.checked;
  writeView();
  drawCurves();
});
let width = 0;
addEventListener('resize', () => {
  if (innerWidth !== width) drawCurves();
  width = innerWidth;
});

// ---- samples
const samples = data.samples, picture = byId('sample'), slider = byId('slider'), strip = byId('strip');
if (samples.length > 0) samples[samples.length - 1].png = picture.src;
const nearest = step => samples.reduce((best, sample, i) =>
  Math.abs(sample.step - step) < Math.abs(samples[best].step - step) ? i : best, 0);
const showSample = i => {
  picture.src = samples[i].png;
  picture.alt = byId('sample-step').textContent = 'step ' + grouped(String(samples[i].step));
  picture.alt = 'samples at ' + picture.alt;
  slider.value = i;
  slider.setAttribute('aria-valuetext', 'step ' + samples[i].step);
  for (const button of strip.children) button.setAttribute('aria-pressed', Number(button.value) === i);
};
const choose = i => {
  view.sample = i === samples.length - 1 ? null : samples[i].step;
  showSample(i);
  writeView();
};
if (samples.length > 1) {
  slider.hidden = false;
  slider.addEventListener('input', () => choose(Number(slider.value)));
  const count = Math.min(9, samples.length);
  for (let k = 0; k < count; k++) {
    const i = Math.round(k * (samples.length - 1) / (count - 1));
    const button = element('button', {type: 'button', value: i}, element('img', {src: samples[i].png, alt: ''}),
                           'step ' + grouped(String(samples[i].step)));
    button.addEventListener('click', () => choose(i));
    strip.append(button);
  }
}

// ---- configuration
const changes = byId('changes');
changes.hidden = false;
changes.firstElementChild.addEventListener('change', event =>
  byId('configuration').classList.toggle('changes-only', event.target.checked));

const apply = () => {
  readView();
  axes.elements.x.value = view.x;
  axes.elements.logx.checked = view.logx;
  axes.elements.logy.checked = view.logy;
  drawCurves();
  if (samples.length > 0) showSample(view.sample === null ? samples.length - 1 : nearest(view.sample));
};
addEventListener('hashchange', apply);
apply();
})();
