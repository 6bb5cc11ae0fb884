// Changing entries in a list: a cell in place, rows that are selected, and the list read again in place.

const list = () => document.getElementById("register");
const bar = () => document.getElementById("selection");
const picks = () => [...document.querySelectorAll("input.pick")];

// Cells ------------------------------------------------------------------------------------------------------------------
// The cell's own content waits here while a form takes its place.
const waiting = new WeakMap();

function leave(cell) {
  const content = waiting.get(cell);
  if (!content) return;
  waiting.delete(cell);
  cell.replaceChildren(...content);
  cell.classList.remove("is-edited", "options-up");
  htmx.process(cell);
  (cell.querySelector("[data-field]") ?? cell.closest("tr")?.querySelector(".payee"))?.focus();
}
const leaveAll = () => document.querySelectorAll(".is-edited").forEach(leave);

async function open(link, name) {
  const row = link.closest("[data-cells]");
  const cell = link.closest("[data-cell], td, th");
  if (!row || !cell || cell.classList.contains("is-edited")) return;
  leaveAll();
  const answer = await fetch(`${row.dataset.cells}&field=${name}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return location.assign(link.href ?? row.dataset.edit);
  waiting.set(cell, [...cell.childNodes]);
  cell.classList.add("is-edited");
  cell.innerHTML = await answer.text();
  htmx.process(cell);
  const field = cell.querySelector("[autofocus]");
  field?.focus({ preventScroll: true });
  if (field?.type === "text") field.select();
  cell.querySelector("form")?.scrollIntoView({ block: "nearest" });
  const options = cell.querySelector(".options-list");
  // Above the field where there is no room below.
  if (options) cell.classList.toggle("options-up", options.getBoundingClientRect().bottom > window.innerHeight - 72);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-field]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    open(link, link.dataset.field);
    return;
  }
  if (event.target.closest("[data-leave]")) return leave(event.target.closest(".is-edited"));
  if (event.target.closest("[data-close-message]")) event.target.closest(".notice").remove();
  if (!event.target.closest(".is-edited, .messages")) leaveAll();
});

// The cell by its letter, on the row that has the focus.
const KEYS = { c: "account", p: "payee", a: "amount" };
document.addEventListener("keydown", (event) => {
  const edited = event.target.closest?.(".is-edited");
  if (event.key === "Escape" && edited) {
    event.stopPropagation();
    return leave(edited);
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const row = document.activeElement?.closest(".row, .found");
  if (!row) return;
  if (event.key === "x") {
    row.querySelector(".pick")?.click();
  } else if (KEYS[event.key]) {
    const link = row.querySelector(`[data-field="${KEYS[event.key]}"]`);
    if (link) {
      event.preventDefault();
      open(link, KEYS[event.key]);
    }
  }
}, true);

// Lists of accounts: typing narrows them, the arrows walk, Enter takes the first ------------------------------------------
const shown = (options) => [...options.querySelectorAll(".option:not([hidden])")];
const plain = (text) => text.toLocaleLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

document.addEventListener("input", (event) => {
  const options = event.target.closest("[data-options]");
  if (!options || !event.target.matches("[data-options-find]")) return;
  const words = plain(event.target.value).split(/\s+/).filter(Boolean);
  for (const option of options.querySelectorAll(".option")) {
    const text = plain(option.textContent);
    option.hidden = !words.every((word) => text.includes(word));
  }
  for (const title of options.querySelectorAll("[data-options-title]")) {
    let next = title.nextElementSibling;
    while (next?.matches(".option") && next.hidden) next = next.nextElementSibling;
    title.hidden = !next?.matches(".option");
  }
  options.querySelector("[data-options-none]").hidden = shown(options).length > 0;
});
document.addEventListener("keydown", (event) => {
  const options = event.target.closest?.("[data-options]");
  if (!options) return;
  const all = shown(options);
  if (event.key === "Enter" && event.target.matches("[data-options-find]")) {
    event.preventDefault();
    if (event.target.value.trim()) all[0]?.click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const at = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    (at < 0 ? options.querySelector("[data-options-find]") : all[Math.min(at, all.length - 1)])?.focus();
  }
});

// Payees as they are typed
document.addEventListener("input", async (event) => {
  const form = event.target.closest("form[data-payees]");
  if (!form || event.target.name !== "value") return;
  const typed = event.target.value.trim();
  if (!typed) return;
  const answer = await fetch(`${form.dataset.payees}?q=${encodeURIComponent(typed)}`);
  if (!answer.ok || event.target.value.trim() !== typed) return;
  const { payees } = await answer.json();
  form.querySelector("datalist").replaceChildren(...payees.map(({ payee }) => new Option(payee, payee)));
});

// Selection --------------------------------------------------------------------------------------------------------------
let lastPick = null;

function count() {
  if (!bar()) return;
  const chosen = picks().filter((pick) => pick.checked);
  const { one, many } = bar().dataset;
  bar().querySelector("[data-count]").textContent = chosen.length === 1 ? one : many.replace("%n%", chosen.length);
  const sums = new Map();
  for (const pick of chosen) {
    for (const figure of pick.closest("tr").dataset.amounts.trim().split(/\s+/)) {
      const [currency, places, amount] = figure.split(":");
      const before = sums.get(currency)?.total ?? 0n;
      sums.set(currency, { places: Number(places), total: before + BigInt(amount) });
    }
  }
  bar().querySelector("[data-sum]").textContent = [...sums].map(([currency, sum]) => money(sum.total, currency, sum.places)).join(" · ");
}

// Exact: the digits are placed as text, a formatter takes them as they are.
function money(minor, currency, places) {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(places + 1, "0");
  const at = digits.length - places;
  const text = `${minor < 0n ? "-" : ""}${digits.slice(0, at)}${places ? "." : ""}${digits.slice(at)}`;
  const style = { style: "currency", currency, minimumFractionDigits: places, maximumFractionDigits: places };
  return new Intl.NumberFormat(document.documentElement.lang || undefined, style).format(text).replace("-", "−");
}

document.addEventListener("click", (event) => {
  const pick = event.target.closest("input.pick");
  if (pick) {
    const all = picks();
    if (event.shiftKey && lastPick?.isConnected) {
      const [from, to] = [all.indexOf(lastPick), all.indexOf(pick)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) each.checked = pick.checked;
    }
    lastPick = pick;
    count();
  }
  if (event.target.closest("[data-unselect]")) unselect();
});
function unselect() {
  for (const pick of picks()) pick.checked = false;
  if (!bar()) return;
  bar().reset();
  document.getElementById("selection-all").textContent = "";
  for (const menu of bar().querySelectorAll("details[open]")) menu.open = false;
  count();
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.(".selection-field input")) return;
  event.preventDefault();
  let button = event.target.nextElementSibling;
  while (button && !button.matches("button")) button = button.nextElementSibling;
  button?.click();
});
// A menu that opens takes the focus to its first field, also when its content comes later.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("#selection details[open]")) event.target.querySelector("input")?.focus();
}, true);
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.closest?.("#selection details[open]")) event.target.querySelector("input")?.focus();
});

// A button that downloads: the browser sends the form by itself, htmx does not see it.
document.addEventListener("submit", (event) => {
  if (event.submitter?.hasAttribute("data-native")) event.stopPropagation();
}, true);

// Read again -------------------------------------------------------------------------------------------------------------
// Pages that were added below the first one, in their order.
let later = [];
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest?.("#more")) later.push(event.detail.requestConfig.path);
});

const fetched = async (address) => {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
};

function refreshFigures(page) {
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) part.replaceWith(document.importNode(fresh, true));
  }
  document.dispatchEvent(new CustomEvent("lifeos:theme")); // charts of the new figures
}

async function refreshRows() {
  const pages = await Promise.all([location.href, ...later.map((path) => new URL(path, location.href).href)].map(fetched));
  if (!list() || pages.includes(null) || !pages[0].getElementById("register")) return location.reload();
  const focused = document.activeElement?.closest(".row, .found");
  const at = focused ? [...document.querySelectorAll(".row, .found")].indexOf(focused) : -1;
  const place = window.scrollY;
  for (const old of list().querySelectorAll("tbody")) old.remove();
  for (const page of pages) {
    for (const body of page.querySelectorAll("#register > tbody")) list().append(document.importNode(body, true));
  }
  htmx.process(list());
  const more = pages.at(-1).getElementById("more");
  if (more) {
    document.getElementById("more").replaceWith(document.importNode(more, true));
    htmx.process(document.getElementById("more"));
  }
  refreshFigures(pages[0]);
  window.scrollTo({ top: place, behavior: "instant" });
  const rows = [...document.querySelectorAll(".row, .found")];
  if (at >= 0) rows[Math.min(at, rows.length - 1)]?.querySelector(".payee")?.focus({ preventScroll: true });
}

document.body.addEventListener("lifeos:changed", async (event) => {
  if (event.detail.rows) {
    unselect();
    if (list()) await refreshRows();
    else location.reload();
  } else {
    const page = await fetched(location.href);
    if (page) refreshFigures(page);
    count();
  }
});

// The row that was changed keeps the focus, so that the keys continue from there.
document.body.addEventListener("htmx:oobAfterSwap", (event) => {
  const row = event.detail.fragment?.querySelector?.(".row") ?? event.target;
  const now = row?.id?.startsWith("line-") && document.getElementById(row.id);
  if (now) now.querySelector(".payee")?.focus({ preventScroll: true });
});
count();
