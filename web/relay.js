// Sends every <form data-formrelay> without leaving the page.
(() => {
'use strict';
if (window.formrelay?.send) return; // twice on the page

const words = { // what no server can say
  uk: ['Немає зв’язку. Надішлемо, щойно він з’явиться.', 'Не вдалося надіслати. Спробуйте ще раз.'],
  ru: ['Нет связи. Отправим, как только она появится.', 'Не удалось отправить. Попробуйте ещё раз.'],
  en: ['No connection. We will send it as soon as there is one.', 'It could not be sent. Please try again.'],
  pl: ['Brak połączenia. Wyślemy, gdy tylko wróci.', 'Nie udało się wysłać. Spróbuj ponownie.'],
};
words.ua = words.uk; // the country's code
const states = new WeakMap(), tokens = {}; // by form, by address
let ids = 0, touches = {};

// Not form.lang, .action, .elements: a field's name may hide them.
const langOf = form => (form.closest('[lang]')?.getAttribute('lang') || '').slice(0, 2).toLowerCase();
const wordOf = (form, n) => (words[langOf(form)] || words.en)[n];
const here = () => location.href.split('#')[0];
const addressOf = (form, button) => new URL(button?.getAttribute('formaction') || form.getAttribute('action') || '', document.baseURI);
const elementsOf = form => [...Reflect.get(HTMLFormElement.prototype, 'elements', form)];
const create = (tag, name, more) => Object.assign(document.createElement(tag), {className: 'formrelay-' + name}, more);
const on = (event, f) => addEventListener(event, f);
const all = f => document.querySelectorAll('form[data-formrelay]').forEach(f);

// A direct visit changes nothing.
const track = () => {
  const touch = {}, from = document.referrer;
  try { touches = Object(JSON.parse(localStorage.formrelay)); } catch {}
  new URLSearchParams(location.search).forEach((value, name) => {
    if (/^(utm_(source|medium|campaign|term|content)|gclid|fbclid)$/.test(name) && value) touch[name] = value;
  });
  if (from && from.split('/')[2] != location.host) touch._referrer = from;
  if (touches.first && !Object.keys(touch).length) return;
  touch._landing = here();
  touches.last = touch;
  touches.first ||= {...touch, at: new Date().toISOString()};
  try { localStorage.formrelay = JSON.stringify(touches); } catch {} // blocked
};

// Kept for a day: a young one looks like a robot's.
const tokenOf = (form, button) => {
  const to = addressOf(form, button), at = Date.now();
  to.pathname = to.pathname.replace(/\/f(orms)?\/([^/]+)\/?$/, '/forms/$2/token');
  if (at - tokens[to]?.at < 864e5) return tokens[to];
  tokens[to] = {at};
  fetch(to).then(r => r.json()).then(got => Object.assign(tokens[to], got)).catch(() => {});
  return {};
};

const stateOf = form => {
  if (!states.has(form)) {
    const box = form.querySelector('[data-formrelay-status]') || form.appendChild(create('div', 'status'));
    box.tabIndex = -1;
    states.set(form, {box, wrong: [], buttons: []});
  }
  return states.get(form);
};
const prepare = () => document.readyState == 'loading' || all(form => { stateOf(form); tokenOf(form); });

const say = (form, state, text = '', role = 'alert') => {
  const {box} = stateOf(form);
  form.dataset.formrelayState = state;
  box.setAttribute('role', role);
  box.textContent = text;
};
const tell = (form, name, detail) => form.dispatchEvent(new CustomEvent('formrelay:' + name, {bubbles: true, cancelable: true, detail}));
const show = element => {
  for (let d = element; (d = d.parentElement?.closest('details'));) d.open = true;
  element.focus({preventScroll: true});
  element.scrollIntoView({block: 'center', behavior: 'instant'}); // no motion
  return element.matches(':focus');
};

// An empty choice's error has the profile's name.
const plain = name => name?.replace(/[^\p{L}\d]/gu, '');
const mark = (form, {field, message}) => {
  const fields = elementsOf(form).filter(e => field && plain(e.name) == plain(field) && e.type != 'hidden'), last = [...fields].pop();
  if (!last) return;
  const note = create('span', 'error', {id: 'formrelay-' + ++ids, textContent: message});
  (last.closest('label') || last).after(note); // not into its name
  stateOf(form).wrong.push({fields, note});
  for (const e of fields) {
    e.setAttribute('aria-invalid', true);
    e.setAttribute('aria-describedby', `${e.getAttribute('aria-describedby') || ''} ${note.id}`.trim());
  }
};
// Takes back a field's errors, or all.
const unmark = (state, field) => {
  state.wrong = state.wrong.filter(({fields, note}) => {
    if (field && !fields.includes(field)) return true;
    note.remove();
    for (const e of fields) {
      e.removeAttribute('aria-invalid');
      const by = e.getAttribute('aria-describedby').replace(note.id, '').trim();
      e.setAttribute('aria-describedby', by);
      if (!by) e.removeAttribute('aria-describedby');
    }
  });
};

// The form's fields, and ours where it has none.
const collect = (form, button) => {
  const data = new FormData(form), state = stateOf(form), token = tokenOf(form, button), key = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const add = (name, value) => value && !data.get(name) && data.set(name, value);
  try { state.key ||= sessionStorage.formrelay ||= key; } catch {} // outlives a reload
  if (button?.name) data.append(button.name, button.value);
  add('_idempotency_key', state.key ||= key);
  add('_lang', langOf(form));
  add('_page', here());
  for (const name in touches.last) add(name, touches.last[name]);
  for (const name in touches.first) add('_first_' + name.replace(/^_/, ''), touches.first[name]);
  if (token.field) add(token.field, token.token);
  return data;
};

// fetch cannot tell how much of a file is gone.
const post = (to, data, progress) => new Promise(done => {
  const x = new XMLHttpRequest();
  x.open('POST', to);
  x.setRequestHeader('Accept', 'application/json');
  x.timeout = progress ? 6e5 : 6e4;
  if (progress) x.upload.onprogress = e => { progress.value = e.loaded / e.total; };
  x.onloadend = () => {
    let answer;
    try { answer = JSON.parse(x.responseText); } catch {}
    // Another's success is a hotel's log-in page.
    done({...answer, status: answer?.ok || x.status > 299 ? x.status : 0, retry: x.status && +x.getResponseHeader('Retry-After')});
  };
  x.send(data);
});

// The key makes it safe to try again. Offline it waits, else it gives up after a minute.
const insist = async (form, to, data, progress) => {
  for (let attempt = 0; ;) {
    const answer = await post(to, data, progress), {status, retry} = answer, offline = !navigator.onLine;
    const again = !status || status > 499 && !(retry > 30);
    if (!again || ++attempt > 6 && !offline) return answer;
    if (offline) attempt = 0;
    if (tell(form, 'network', {attempt, offline})) say(form, 'network', wordOf(form, 0));
    await new Promise(go => {
      setTimeout(go, retry * 1e3 || (offline ? 3e4 : 2 ** attempt * (400 + 400 * Math.random())));
      addEventListener('online', go, {once: true});
    });
  }
};

const release = form => {
  const state = stateOf(form);
  state.sending = 0;
  state.buttons.forEach(b => { b.disabled = false; });
  form.removeAttribute('aria-busy');
};
const succeed = (form, answer) => {
  const state = stateOf(form), go = tell(form, 'success', answer);
  state.key = ''; // the next one is another
  try { sessionStorage.formrelay = ''; } catch {}
  say(form, 'success', go ? form.dataset.formrelaySuccess || answer.message : '', 'status');
  if (go && answer.redirect) { // the button stays off
    setTimeout(release, 1e4, form);
    return location.assign(answer.redirect);
  }
  release(form);
  if (!go) return;
  HTMLFormElement.prototype.reset.call(form);
  show(state.box);
};
const fail = (form, answer) => {
  const state = stateOf(form), go = tell(form, 'error', answer);
  release(form);
  say(form, 'error', go ? answer.message || wordOf(form, 1) : '');
  if (!go) return;
  answer.errors?.forEach(error => mark(form, error));
  [...elementsOf(form).filter(e => e.matches('[aria-invalid]')), state.box].some(show);
};

const run = async (form, button) => {
  const state = stateOf(form), data = collect(form, button), files = [...data.values()].filter(v => v.size);
  const progress = files.length && create('progress', 'progress', {value: 0, ariaLabel: files.map(f => f.name)});
  unmark(state);
  say(form, 'sending');
  form.setAttribute('aria-busy', true);
  state.buttons = elementsOf(form).filter(e => e.type == 'submit' && !e.disabled);
  state.buttons.forEach(b => { b.disabled = true; });
  if (progress) state.box.before(progress);
  const answer = await insist(form, addressOf(form, button), data, progress);
  if (progress) progress.remove();
  (answer.ok ? succeed : fail)(form, answer);
  return answer;
};
// A second click gets the first one's promise.
const send = (form, button) => stateOf(form).sending ||= run(form, button);

on('submit', e => {
  const form = e.target, button = e.submitter;
  if (e.defaultPrevented || !form.matches('form[data-formrelay]') || /get|dialog/i.test(button?.getAttribute('formmethod'))) return;
  e.preventDefault();
  send(form, button);
});
on('input', e => {
  const state = states.get(e.target.form);
  if (state) unmark(state, e.target);
});
// A page may come back as it was left.
on('pagehide', () => all(release));
on('pageshow', prepare);
on('DOMContentLoaded', prepare);

if (document.documentElement.dataset.formrelayTrack != 'off') track();
new MutationObserver(prepare).observe(document, {childList: true, subtree: true});
prepare();
window.formrelay = {send, track};
})();
