// What all pages share: actions, updates, and how a process is shown.

// url gives the address of a path beside this page. The page's own address may carry
// a login, which requests must not.
export function url(path) {
  return new URL(path, location.origin + location.pathname).href;
}

// recall and remember keep what somebody likes, where the browser lets them.
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It holds for this page, then.
  }
}

const labels = { start: 'Start', stop: 'Stop', restart: 'Restart', clearlog: 'Clear log',
  enableextension: 'Enable', disableextension: 'Disable', restartextension: 'Restart' };

// What cannot be taken back is asked for first.
const questions = {
  stopall: { text: () => 'Stop all processes?', yes: 'Stop all' },
  restartall: { text: () => 'Restart all processes?', yes: 'Restart all' },
  stopgroup: { text: (of) => `Stop all processes of the group ${of}?`, yes: 'Stop' },
  restartgroup: { text: (of) => `Restart all processes of the group ${of}?`, yes: 'Restart' },
  clearlog: { text: (of) => `Delete what ${of} has written to its logs?`, yes: 'Clear log' },
  disableextension: { text: (of) => `Disable the extension ${of}? Calls of its methods fail until it is enabled.`, yes: 'Disable' },
};

const dialog = document.getElementById('confirm');
let answer = null; // what waits for the answer

function confirmed(action, of) {
  const question = questions[action];
  if (!question) return Promise.resolve(true);
  answer?.(false);
  document.getElementById('question').textContent = question.text(of);
  document.getElementById('yes').textContent = question.yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => { answer = resolve; });
}

// The event comes later than the end: the next question may be open by then.
dialog?.addEventListener('close', () => {
  if (dialog.open) return;
  answer?.(dialog.returnValue === 'yes');
  answer = null;
});

const message = document.getElementById('message');
let fading = 0;

// tell shows a message, over the page: nothing may move away below the pointer. One
// that all went well goes by itself, others when they are clicked or by Escape.
export function tell(text, ok = true) {
  clearTimeout(fading);
  message.textContent = text;
  message.classList.add('over');
  message.classList.toggle('failed', !ok);
  if (text && ok) fading = setTimeout(() => tell(''), 10000);
}

message.addEventListener('click', () => tell(''));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tell('');
});
if (message.textContent) tell(message.textContent, !message.textContent.startsWith('ERROR'));

// perform does an action and tells what came of it. It answers whether it went well,
// null when nothing is known to have been done.
async function perform(fields) {
  tell('');
  try {
    const response = await fetch(url('index.html'), {
      method: 'POST', headers: { Accept: 'application/json' }, body: new URLSearchParams(fields),
    });
    if (!response.ok) {
      tell(`Not done: ${(await response.text()).trim()}`, false);
      return null;
    }
    const outcome = await response.json();
    tell(outcome.message, outcome.ok);
    return outcome.ok;
  } catch {
    tell('The server cannot be reached.', false);
    return null;
  }
}

// onActions has the page's links and buttons act without leaving it. nameOf finds the
// process that one is about, and done is told what was done.
export function onActions(nameOf, done) {
  for (const link of document.querySelectorAll('.all a[data-action]')) link.replaceWith(makeButton(link.dataset.action, link.textContent));
  document.addEventListener('click', async (event) => {
    const element = event.target.closest('[data-action]');
    if (!element) return;
    event.preventDefault();
    const { action, group } = element.dataset;
    const fields = { action };
    if (group !== undefined) fields.group = group;
    else if (action.endsWith('extension')) fields.extension = nameOf(element);
    else if (element.closest('.actions')) fields.processname = nameOf(element);
    const of = fields.group ?? fields.extension ?? fields.processname;
    if (!(await confirmed(action, of))) return;
    const busy = element.closest('.process, .extension') ?? element;
    busy.setAttribute('aria-busy', 'true');
    const ok = await perform(fields);
    busy.removeAttribute('aria-busy');
    if (ok !== null) done(action, ok);
  });
}

function makeButton(action, text) {
  const button = document.createElement('button');
  button.className = 'action';
  button.dataset.action = action;
  button.textContent = text;
  return button;
}

// setActions offers a process's actions. The focus stays where it was, or as near as
// can be.
export function setActions(container, name, actions) {
  const wanted = actions.join(' ');
  if (container.dataset.actions === wanted) return;
  container.dataset.actions = wanted;
  const active = document.activeElement;
  let focused = container.contains(active) ? active.dataset.action : null;
  if (active === document.body && container.dataset.moved === 'none') focused = 'none'; // it fell there when no button was left
  container.replaceChildren(...actions.flatMap((action) => {
    const button = makeButton(action, labels[action]);
    button.setAttribute('aria-label', `${labels[action]} ${name}`);
    return [button, ' '];
  }));
  if (!focused) {
    container.dataset.moved = '';
    return;
  }
  // What was put on the first button stays with the first one: a passing state must
  // not leave the focus on what nobody chose.
  const same = container.dataset.moved === focused ? null : container.querySelector(`[data-action="${focused}"]`);
  const target = same ?? container.firstElementChild;
  container.dataset.moved = same ? '' : target?.dataset.action ?? 'none';
  target?.focus();
}

// setText sets a text where it is another now.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// arrange makes children of an element what they are to be, moving as little as it can.
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
}

// describe gives a running process's description at a time, others' as it came.
export function describe(p, now) {
  if (!p.start) return p.description;
  const seconds = Math.max(Math.floor(now - p.start), 0);
  const days = Math.floor(seconds / 86400);
  const two = (n) => String(n).padStart(2, '0');
  const day = days ? `${days} day${days > 1 ? 's' : ''}, ` : '';
  return `pid ${p.pid}, uptime ${day}${Math.floor(seconds / 3600) % 24}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

// Clock is the server's clock.
export class Clock {
  #ahead = 0;
  set(now) { this.#ahead = now - Date.now() / 1000; }
  now() { return Date.now() / 1000 + this.#ahead; }
}

// follow reads the stream of updates while the page is looked at: a browser keeps few
// connections to a server, and hidden pages must not take them all.
export function follow(query, onUpdate, onState) {
  let source = null;
  let again = 0;
  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(url('updates' + query));
    source.onopen = () => onState(true);
    source.onmessage = (event) => onUpdate(JSON.parse(event.data));
    source.onerror = () => {
      onState(false);
      if (source.readyState === EventSource.CLOSED) { // the browser has given up
        close();
        again = setTimeout(open, 3000);
      }
    };
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  addEventListener('pagehide', close);
  addEventListener('pageshow', open);
  open();
}
