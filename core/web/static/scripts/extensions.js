// The page of extensions: kept current by updates.
import { Clock, arrange, describe, follow, onActions, setActions, setText, url } from './common.js';

const clock = new Clock();
const place = document.getElementById('extensions');
const entries = new Map(); // by name: the element, and what it was last told

function adopt(element) {
  const { name, start, pid } = element.dataset;
  const description = element.querySelector('.description');
  const entry = { element, description, start: Number(start) || 0, pid: Number(pid) || 0 };
  entries.set(name, entry);
  return entry;
}

function make(name) {
  const element = document.getElementById('extension').content.firstElementChild.cloneNode(true);
  element.dataset.name = name;
  element.querySelector('h2').textContent = name;
  return adopt(element);
}

// show brings an entry up to date, and gives its element.
function show(x) {
  const entry = entries.get(x.name) ?? make(x.name);
  const { element } = entry;
  entry.start = x.start ?? 0;
  entry.pid = x.pid ?? 0;
  element.dataset.state = x.state;
  setText(element.querySelector('.state'), x.state.toLowerCase());
  setText(entry.description, entry.start ? describe(entry, clock.now()) : x.description);
  setActions(element.querySelector('.actions'), x.name, x.actions);
  const list = element.querySelector('dl');
  const wanted = x.facts.map((fact) => {
    const old = list.querySelector(`[data-fact="${fact.key}"]`);
    if (old) {
      setText(old.querySelector('dd'), fact.text);
      return old;
    }
    const made = document.createElement('div');
    made.dataset.fact = fact.key;
    made.classList.toggle('long', fact.long ?? false);
    made.append(document.createElement('dt'), document.createElement('dd'));
    made.firstChild.textContent = fact.name;
    made.lastChild.textContent = fact.text;
    return made;
  });
  arrange(list, wanted);
  return element;
}

clock.set(Number(document.body.dataset.now));
for (const element of place.querySelectorAll('.extension')) adopt(element);
// A message is told once.
history.replaceState(null, '', location.pathname);

setInterval(() => {
  if (document.hidden) return;
  for (const entry of entries.values()) if (entry.start) setText(entry.description, describe(entry, clock.now()));
}, 1000);

let live = false;

onActions((element) => element.closest('.extension').dataset.name, () => {
  if (live) return;
  // Without updates the page has to be loaded anew to show what was done.
  location.assign(url(`extensions.html?message=${encodeURIComponent(document.getElementById('message').textContent)}`));
});

follow('?show=extensions', (update) => {
  clock.set(update.now);
  const there = new Set(update.extensions.map((x) => x.name));
  arrange(place, update.extensions.map(show));
  for (const name of entries.keys()) if (!there.has(name)) entries.delete(name);
  setText(document.getElementById('nothing'), there.size ? '' : 'No extensions');
  setText(document.getElementById('supervisor'), update.state === 'running' ? '' : update.state);
}, (open) => {
  live = open;
  const indicator = document.getElementById('live');
  indicator.hidden = false;
  indicator.classList.toggle('off', !open);
  indicator.textContent = open ? 'Live' : 'Disconnected';
});
