// The log page: follows the log, keeps a bounded part of it, and acts on the process.
import { Clock, describe, follow, onActions, recall, remember, setActions, tell, url } from './common.js';

// Lengths in characters.
const maxKept = 2 << 20;
const blockSize = 16 << 10;

const { stream, name } = document.body.dataset;
const log = document.getElementById('log');
const live = document.getElementById('live');
const followButton = document.getElementById('follow');
const wrapButton = document.getElementById('wrap');

// --- text

let blocks = []; // pieces of text, each an element: what is added lays out the last one only
let kept = 0;
let waiting = ''; // what the next frame adds
let frame = 0;
let following = true;

function empty() {
  log.replaceChildren();
  blocks = [];
  kept = 0;
  waiting = '';
}

function add(text) {
  waiting += text;
  if (waiting.length > maxKept) waiting = waiting.slice(-maxKept);
  frame ||= requestAnimationFrame(flush);
}

function flush() {
  frame = 0;
  while (waiting) {
    let block = blocks.at(-1);
    if (!block || block.length >= blockSize) {
      block = document.createElement('span');
      block.append('');
      block.length = 0;
      blocks.push(block);
      log.append(block);
    }
    // A block ends with a line, but one line must not grow for ever.
    const room = blockSize - block.length;
    let end = waiting.length;
    if (end > room) {
      const newline = waiting.indexOf('\n', room);
      end = newline >= 0 && newline < room + blockSize ? newline + 1 : Math.min(end, room + blockSize);
    }
    block.firstChild.appendData(waiting.slice(0, end));
    block.length += end;
    kept += end;
    waiting = waiting.slice(end);
  }
  while (kept > maxKept && blocks.length > 1) {
    const oldest = blocks.shift();
    kept -= oldest.length;
    oldest.remove();
  }
  if (following) log.scrollTop = log.scrollHeight;
}

// Plain takes colours and the like out of a stream of text.
class Plain {
  #held = '';
  take(text) {
    text = this.#held + text;
    const cut = text.search(/\x1b(\[[0-?]*[ -/]*)?$/);
    this.#held = cut >= 0 && text.length - cut < 64 ? text.slice(cut) : '';
    if (this.#held) text = text.slice(0, cut);
    return text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, '').replace(/\r\n/g, '\n');
  }
}

// --- stream

let reading = null; // what ends the stream that is being read
let again = 0;
let pause = 1000;

function say(text, ok) {
  live.hidden = false;
  live.textContent = text;
  live.classList.toggle('off', !ok);
}

async function read() {
  if (reading || document.hidden) return;
  clearTimeout(again);
  const control = new AbortController();
  reading = control;
  try {
    const response = await fetch(url(stream), { signal: control.signal });
    if (response.status === 404) {
      say('There is no log yet', false);
      return; // a change of the process's state has us look again
    }
    if (!response.ok) throw new Error(response.statusText);
    say('Live', true);
    pause = 1000;
    const plain = new Plain();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let first = true; ; first = false) {
      const { done, value } = await reader.read();
      if (done) break;
      if (first) empty(); // the stream begins with what is shown already
      add(plain.take(decoder.decode(value, { stream: true })));
    }
    throw new Error('the stream has ended');
  } catch {
    if (control.signal.aborted) return;
    say('Disconnected', false);
    again = setTimeout(read, pause);
    pause = Math.min(2 * pause, 30000);
  } finally {
    if (reading === control) reading = null;
  }
}

function stop() {
  clearTimeout(again);
  reading?.abort();
  reading = null;
}

// --- following and wrapping

function setFollowing(on) {
  following = on;
  followButton.setAttribute('aria-pressed', String(on));
  if (on) log.scrollTop = log.scrollHeight;
}

function setWrapping(on) {
  log.classList.toggle('wrapped', on);
  wrapButton.setAttribute('aria-pressed', String(on));
  remember('wrap', on);
  setFollowing(following);
}

followButton.hidden = wrapButton.hidden = false;
followButton.addEventListener('click', () => setFollowing(!following));
wrapButton.addEventListener('click', () => setWrapping(wrapButton.getAttribute('aria-pressed') !== 'true'));
// Whoever scrolls up reads; whoever comes back to the end follows.
let lastTop = 0;
log.addEventListener('scroll', () => {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  if (atEnd ? !following : following && log.scrollTop < lastTop) setFollowing(atEnd);
  lastTop = log.scrollTop;
});
// What changes the layout must not take away the end.
new ResizeObserver(() => setFollowing(following)).observe(log);
setWrapping(recall('wrap') === true);
setFollowing(true);

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) read();
  else if (following) stop();
});
addEventListener('pagehide', stop);
addEventListener('pageshow', read);
read();

// --- the process

if (name !== undefined) {
  const clock = new Clock();
  let shown = null;
  onActions(() => name, (action, ok) => {
    if (action === 'clearlog' && ok) empty();
  });
  follow(`?processname=${encodeURIComponent(name)}`, (update) => {
    clock.set(update.now);
    shown = update.changed[0] ?? null;
    if (!shown) {
      tell(`There is no process ${name} any more`, false);
      return;
    }
    document.body.dataset.state = shown.state;
    document.querySelector('header .state').textContent = shown.state.toLowerCase();
    document.querySelector('header .description').textContent = describe(shown, clock.now());
    setActions(document.querySelector('header .actions'), name, shown.actions);
    read();
  }, () => {});
  setInterval(() => {
    if (shown?.start && !document.hidden) document.querySelector('header .description').textContent = describe(shown, clock.now());
  }, 1000);
}
