// The status page: kept current by updates, with a filter and collapsible groups.
import { Clock, arrange, describe, follow, onActions, recall, remember, setActions, setText, url } from './common.js';

const clock = new Clock();
const place = document.getElementById('processes');
const solo = place.querySelector('.solo'); // the processes that are groups of their own
const rows = new Map(); // rows by process name
const sections = new Map(); // groups' sections by name
const onScreen = new Set(); // rows whose uptime can be seen

const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      onScreen.add(target);
      tick(target);
    } else onScreen.delete(target);
  }
});

function tick(element) {
  const row = rows.get(element.dataset.name);
  if (row?.start) setText(row.description, describe(row, clock.now()));
}

// adopt takes a row of the page under control.
function adopt(element) {
  const row = {
    element,
    name: element.dataset.name,
    state: element.dataset.state,
    start: Number(element.dataset.start) || 0,
    pid: Number(element.dataset.pid) || 0,
    description: element.querySelector('.description'),
  };
  rows.set(row.name, row);
  watch.observe(element);
  return row;
}

function makeRow(name) {
  const element = document.getElementById('process').content.firstElementChild.cloneNode(true);
  const colon = name.indexOf(':') + 1;
  const encoded = encodeURIComponent(name);
  element.dataset.name = name;
  element.querySelector('.prefix').textContent = name.slice(0, colon);
  element.querySelector('.bare').textContent = name.slice(colon);
  element.querySelector('.name').href = `tail.html?processname=${encoded}`;
  for (const [channel, path] of [['stdout', ''], ['stderr', '/stderr']]) {
    const link = element.querySelector(`.${channel}`);
    // It is unescaped twice, and cut at some characters in between.
    link.href = `logtail/${/[%;?#]/.test(name) ? encodeURIComponent(encoded) : encoded}${path}`;
    link.setAttribute('aria-label', `Follow ${channel} of ${name}`);
  }
  return adopt(element);
}

// show brings a row up to date.
function show(p) {
  const row = rows.get(p.name) ?? makeRow(p.name);
  row.state = p.state;
  row.start = p.start ?? 0;
  row.pid = p.pid ?? 0;
  row.element.dataset.state = p.state;
  setText(row.element.querySelector('.state'), p.state.toLowerCase());
  setText(row.description, row.start ? describe(row, clock.now()) : p.description);
  setActions(row.element.querySelector('.actions'), p.name, p.actions);
  return row;
}

// mark says on a row whether its process was added at run time.
function mark(row, dynamic) {
  const there = row.element.querySelector('.dynamic');
  if (there && !dynamic) there.remove();
  if (there || !dynamic) return;
  const badge = document.createElement('span');
  badge.className = 'dynamic';
  badge.title = 'added at run time';
  badge.textContent = 'dynamic';
  row.element.querySelector('.name').append(' ', badge);
}

function makeSection(name) {
  const section = document.getElementById('group').content.firstElementChild.cloneNode(true);
  section.dataset.group = name;
  section.querySelector('h2').textContent = name;
  for (const button of section.querySelectorAll('[data-action]')) {
    button.dataset.group = name;
    button.setAttribute('aria-label', `${button.textContent} group ${name}`);
  }
  return adoptSection(section);
}

function adoptSection(section) {
  const name = section.dataset.group;
  sections.set(name, section);
  const details = section.querySelector('details');
  details.addEventListener('toggle', () => {
    if (filtering()) return;
    if (details.open) collapsed.delete(name);
    else collapsed.add(name);
    remember('collapsed', [...collapsed]);
  });
  return section;
}

function showAll(groups) {
  const there = new Set();
  const order = [];
  for (const group of groups) {
    const section = group.solo ? solo : sections.get(group.name) ?? makeSection(group.name);
    order.push(section);
    arrange(section.querySelector('.processes'), group.processes.map((p) => {
      there.add(p.name);
      const row = show(p);
      mark(row, p.dynamic);
      return row.element;
    }));
  }
  for (const [name, row] of rows) {
    if (!there.has(name)) {
      watch.unobserve(row.element);
      onScreen.delete(row.element);
      rows.delete(name);
    }
  }
  for (const [name, section] of sections) if (!order.includes(section)) sections.delete(name);
  arrange(place, [document.getElementById('nothing'), ...order]);
}

// --- filter and groups

const kinds = { RUNNING: 'up', STARTING: 'busy', STOPPING: 'busy', BACKOFF: 'failing', FATAL: 'failing', UNKNOWN: 'failing' };
const kindOf = (row) => kinds[row.state] ?? 'down';
const input = document.getElementById('filter');
const shows = [...document.querySelectorAll('[data-show]')];
const collapsed = new Set(recall('collapsed') ?? []);
let showing = 'all';

const filtering = () => showing !== 'all' || input.value.trim() !== '';

// sift hides what the filter leaves out, and counts.
function sift() {
  const terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = { all: 0, up: 0, busy: 0, failing: 0, down: 0 };
  let left = 0;
  for (const row of rows.values()) {
    const kind = kindOf(row);
    counts.all++;
    counts[kind]++;
    let hidden = showing !== 'all' && showing !== kind;
    if (!hidden && terms.length) {
      const text = `${row.name} ${row.state} ${row.description.textContent}`.toLowerCase();
      hidden = !terms.every((term) => text.includes(term));
    }
    if (row.element.hidden !== hidden) row.element.hidden = hidden;
    if (!hidden) left++;
  }
  for (const button of shows) setText(button.querySelector('b'), String(counts[button.dataset.show]));
  solo.hidden = !solo.querySelector('.process:not([hidden])');
  for (const [name, section] of sections) {
    const members = [...section.querySelectorAll('.process')];
    const running = members.filter((member) => member.dataset.state === 'RUNNING').length;
    setText(section.querySelector('.count'), `${running} of ${members.length} running`);
    section.hidden = filtering() && members.every((member) => member.hidden);
    section.querySelector('details').open = filtering() || !collapsed.has(name);
  }
  const nothing = counts.all === 0 ? 'No programs to manage' : left === 0 ? 'No process matches' : '';
  setText(document.getElementById('nothing'), nothing);
}

function refilter() {
  for (const button of shows) button.setAttribute('aria-pressed', String(button.dataset.show === showing));
  const fragment = new URLSearchParams();
  if (input.value.trim()) fragment.set('filter', input.value.trim());
  if (showing !== 'all') fragment.set('show', showing);
  history.replaceState(null, '', `${location.pathname}${fragment.size ? `#${fragment}` : ''}`);
  sift();
}

// --- keys

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === '/' && event.target !== input) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (event.key === 'Escape' && event.target === input) {
    input.value = '';
    refilter();
  } else if (['ArrowDown', 'ArrowUp'].includes(event.key) && (event.target === input || place.contains(event.target))) {
    const names = [...place.querySelectorAll('.process:not([hidden]) .name')].filter((name) => name.checkVisibility());
    const from = names.indexOf(event.target.closest?.('.process')?.querySelector('.name'));
    const to = names[event.key === 'ArrowDown' ? from + 1 : Math.max(from - 1, 0)];
    if (to) {
      event.preventDefault();
      to.focus();
    }
  }
}

// --- beginning

let live = false;

clock.set(Number(document.body.dataset.now));
for (const element of place.querySelectorAll('.process')) adopt(element);
for (const section of place.querySelectorAll('[data-group]')) if (section.matches('section')) adoptSection(section);
const fragment = new URLSearchParams(location.hash.slice(1));
input.value = fragment.get('filter') ?? '';
if (shows.some((button) => button.dataset.show === fragment.get('show'))) showing = fragment.get('show');
document.getElementById('filters').hidden = false;
refilter(); // which takes a message out of the address too: it is told once

input.addEventListener('input', refilter);
for (const button of shows) {
  button.addEventListener('click', () => {
    showing = button.dataset.show;
    refilter();
  });
}
document.addEventListener('keydown', onKey);
// The links lead to the plain stream; here there is a better view of it.
place.addEventListener('click', (event) => {
  const link = event.target.closest('.logs a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const name = encodeURIComponent(link.closest('.process').dataset.name);
  location.assign(url(`tail.html?processname=${name}&channel=${link.className}`));
});
setInterval(() => {
  if (!document.hidden) onScreen.forEach(tick);
}, 1000);

onActions((element) => element.closest('.process').dataset.name, () => {
  if (live) return;
  // Without updates the page has to be loaded anew to show what was done.
  location.assign(url(`index.html?message=${encodeURIComponent(document.getElementById('message').textContent)}`));
});

follow('', (update) => {
  clock.set(update.now);
  if (update.groups) showAll(update.groups);
  else update.changed.forEach((p) => rows.has(p.name) && show(p));
  setText(document.getElementById('supervisor'), update.state === 'running' ? '' : update.state);
  sift();
}, (open) => {
  live = open;
  const indicator = document.getElementById('live');
  indicator.hidden = false;
  indicator.classList.toggle('off', !open);
  indicator.textContent = open ? 'Live' : 'Disconnected';
});
