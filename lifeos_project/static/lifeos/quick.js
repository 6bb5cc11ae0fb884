// Quick entry. What is saved goes to a store on this device first and from there to the API, each entry with a key of its
// own, so that one that is sent twice is posted once. The store has the user's id in its name: another user never sees it.

const root = document.getElementById("quick");
const form = root.querySelector("form");
const list = document.getElementById("quick-waiting");
const said = document.getElementById("quick-said");
const text = root.dataset;
let token = text.csrf;

// The store -----------------------------------------------------------------------------------------------------------
const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open(`lifeos-quick-${text.user}`, 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("entries", { keyPath: "at" });
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function store(mode, work) {
  const transaction = (await opened).transaction("entries", mode);
  const asked = work(transaction.objectStore("entries"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

const waiting = () => store("readonly", (entries) => entries.getAll());
const put = (entry) => store("readwrite", (entries) => entries.put(entry));
const remove = (at) => store("readwrite", (entries) => entries.delete(at));

// The form ------------------------------------------------------------------------------------------------------------
const today = () => {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
};
// The page may be days old when it comes from the device.
form.elements.date.value = today();

function currencies() {
  const currency = form.elements.account.selectedOptions[0]?.dataset.currency;
  for (const option of form.elements.category.querySelectorAll("option[data-currency]")) {
    option.hidden = option.disabled = option.dataset.currency !== currency;
  }
  if (form.elements.category.selectedOptions[0]?.disabled) form.elements.category.value = "";
}
form.elements.account.addEventListener("change", currencies);
currencies();

// "12,5" → "12.50"; null for anything that is not plainly one amount above zero.
function amountOf(typed, places) {
  const match = /^(\d{1,12})(?:[.,](\d+))?$/.exec(typed.trim());
  if (!match || (match[2] ?? "").length > places) return null;
  const whole = match[1].replace(/^0+(?=\d)/, "");
  const decimals = (match[2] ?? "").padEnd(places, "0");
  if (/^0*$/.test(whole + decimals)) return null;
  return places ? `${whole}.${decimals}` : whole;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const account = form.elements.account.selectedOptions[0];
  const category = form.elements.category.selectedOptions[0];
  const amount = amountOf(form.elements.amount.value, Number(account.dataset.places));
  form.elements.amount.setCustomValidity(amount ? "" : text.wrongAmount);
  if (!form.reportValidity()) return;
  const spent = category.dataset.side === "spent";
  const lines = [
    { account: Number(category.value), amount: spent ? amount : `-${amount}` },
    { account: Number(account.value), amount: spent ? `-${amount}` : amount },
  ];
  const body = { date: form.elements.date.value, payee: form.elements.payee.value.trim(), lines };
  const shown = `${amount} ${account.dataset.currency} · ${category.textContent.trim()}${body.payee ? ` · ${body.payee}` : ""}`;
  await put({ at: Date.now(), key: crypto.randomUUID(), book: Number(text.book), body, shown });
  form.elements.amount.value = form.elements.payee.value = "";
  form.elements.amount.focus();
  await send();
});
form.elements.amount.addEventListener("input", () => form.elements.amount.setCustomValidity(""));

// Sending -------------------------------------------------------------------------------------------------------------
const post = (entry) =>
  fetch(`/api/v1/books/${entry.book}/entries/`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": entry.key, "X-CSRFToken": token },
    body: JSON.stringify(entry.body),
  });

// A page from the device has the token of another day; one from the server says who is signed in.
async function renewed() {
  const answer = await fetch(`/b/${text.book}/quick/`, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("quick");
  if (fresh?.dataset.user !== text.user) return false;
  token = fresh.dataset.csrf;
  return true;
}

async function sendAll() {
  for (const entry of await waiting()) {
    if (entry.refused) continue;
    let answer;
    try {
      answer = await post(entry);
      if ((answer.status === 401 || answer.status === 403) && (await renewed())) answer = await post(entry);
    } catch {
      return text.offline;
    }
    if (answer.status === 401 || answer.status === 403) return text.signIn;
    if (answer.ok) {
      await remove(entry.at);
      said.textContent = `${text.saved} ${entry.shown}`;
    } else if (answer.status < 500 && answer.status !== 409 && answer.status !== 429) {
      const problem = await answer.json().catch(() => null);
      await put({ ...entry, refused: problem?.error?.message ?? problem?.detail ?? String(answer.status) });
    } else {
      return text.later;
    }
  }
  return "";
}

// One tab at a time; the key makes sure of the rest.
async function send() {
  const problem = navigator.locks
    ? await navigator.locks.request("lifeos-quick", { ifAvailable: true }, (lock) => (lock ? sendAll() : ""))
    : await sendAll();
  const left = await waiting();
  if (problem && left.length) said.textContent = problem;
  list.replaceChildren(...left.map(row));
  list.closest("section").hidden = left.length === 0;
}

function row(entry) {
  const item = document.createElement("li");
  const what = document.createElement("span");
  what.textContent = entry.refused ? `${entry.shown} – ${entry.refused}` : entry.shown;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small btn-quiet";
  button.textContent = text.discard;
  button.addEventListener("click", async () => {
    await remove(entry.at);
    await send();
  });
  item.append(what, button);
  return item;
}

window.addEventListener("online", send);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && send());
send();

// The worker that answers without a connection -----------------------------------------------------------------------
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.addEventListener("message", (event) => {
    // From now on the page opens without a connection.
    if (event.data?.kept) root.dataset.ready = "";
  });
  // An installed LifeOS may begin at the address without a book.
  await navigator.serviceWorker.register("/quick-worker.js", { scope: "/quick/" });
  await navigator.serviceWorker.register("/quick-worker.js", { scope: location.pathname });
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => new URL(name).pathname.startsWith("/static/"));
  const linked = [...document.querySelectorAll("link[href], script[src]")].map((element) => element.href || element.src);
  active.postMessage({ keep: [location.href, ...files, ...linked.filter((name) => new URL(name).origin === location.origin)] });
}
