// The entry form: Ctrl-Enter saves and stays, payees are completed with what was written last, currencies and remainders are watched.
// Everything is delegated: htmx replaces the form when its kind changes.

const form = () => document.getElementById("entry");
const field = (name) => form()?.elements.namedItem(name);

// Saving and staying ---------------------------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !form()) return;
  event.preventDefault();
  form().requestSubmit(form().querySelector("[data-stay]") ?? form().querySelector(".form-actions .btn-primary"));
});
const autofocus = () => {
  if (form()?.querySelector(".field-refused")) return;
  (field("amount") ?? field("row-0-account"))?.focus({ preventScroll: true });
};

// Payees ----------------------------------------------------------------------------------------------------------------
let known = new Map();
let touched = new Set();
let timer = null;

const list = () => document.getElementById("payee-suggestions");
const payee = () => field("payee");

function close() {
  if (!list()) return;
  list().hidden = true;
  payee()?.setAttribute("aria-expanded", "false");
  payee()?.removeAttribute("aria-activedescendant");
}

async function suggest() {
  const typed = payee().value.trim();
  if (!typed) return close();
  const answer = await fetch(`${form().dataset.payees}?q=${encodeURIComponent(typed)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok || payee().value.trim() !== typed) return;
  const { payees } = await answer.json();
  for (const one of payees) known.set(one.payee.toLowerCase(), one);
  ghost();
  const options = payees.filter((one) => one.payee !== typed);
  list().replaceChildren(...options.map((one, index) => {
    const option = document.createElement("li");
    option.id = `payee-${index}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.payee = one.payee;
    const name = document.createElement("span");
    name.textContent = one.payee;
    const last = document.createElement("span");
    last.className = "meta";
    last.textContent = [one.category_name, one.shown].filter(Boolean).join(" · ");
    option.append(name, last);
    return option;
  }));
  list().hidden = options.length === 0 || document.activeElement !== payee();
  payee().setAttribute("aria-expanded", String(!list().hidden));
}

function take(name) {
  payee().value = name;
  close();
  ghost();
}

// What was written last for this payee: the category is set while untouched, the amount is shown as ghost text.
function ghost() {
  const last = known.get(payee()?.value.trim().toLowerCase() ?? "");
  const amount = field("amount");
  const hint = document.getElementById("payee-last");
  if (!amount || !hint) return;
  amount.placeholder = last?.amount ?? "";
  hint.hidden = !last?.amount;
  if (!last) return;
  for (const side of ["category", "account"]) {
    const select = field(side);
    if (select && last[side] && !touched.has(side) && [...select.options].some((option) => option.value === String(last[side]))) {
      select.value = String(last[side]);
    }
  }
  const [before, middle, after] = hint.dataset.text.split(/%amount%|%category%/);
  hint.textContent = (before + last.shown + middle + (last.category_name ?? "…") + after).replace("%day%", last.day) + " ";
  const use = document.createElement("button");
  use.type = "button";
  use.className = "link";
  use.dataset.use = last.amount;
  use.textContent = hint.dataset.use;
  if (!amount.value) hint.append(use);
  watchCurrency();
}

document.addEventListener("input", (event) => {
  if (event.target === payee()) {
    clearTimeout(timer);
    timer = setTimeout(suggest, 120);
    ghost();
  }
  if (event.target.closest("#entry")) { remainder(); rate(); }
});
document.addEventListener("change", (event) => {
  if (event.target.closest("#entry") && event.isTrusted) touched.add(event.target.name);
  watchCurrency();
});
document.addEventListener("keydown", (event) => {
  if (event.target === field("amount") && event.key === "ArrowRight" && !event.target.value && event.target.placeholder) {
    event.target.value = event.target.placeholder;
    event.preventDefault();
  }
  if (event.target !== payee() || !list() || list().hidden) return;
  const options = [...list().children];
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const next = (at + (event.key === "ArrowDown" ? 1 : options.length + (at === -1 ? 0 : -1))) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
    payee().setAttribute("aria-activedescendant", options[next].id);
    event.preventDefault();
  } else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) {
    take(options[at].dataset.payee);
    if (event.key === "Enter") event.preventDefault();
  } else if (event.key === "Escape") {
    close();
  }
});
document.addEventListener("mousedown", (event) => {
  const option = event.target.closest("#payee-suggestions [role='option']");
  if (option) {
    event.preventDefault();
    take(option.dataset.payee);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-use]")) {
    field("amount").value = event.target.dataset.use;
    event.target.remove();
    field("amount").focus();
  }
});
document.addEventListener("focusout", (event) => {
  if (event.target === payee()) close();
});

// Two currencies: ask for the other amount only where there are two ------------------------------------------------------
function watchCurrency() {
  const counter = form()?.querySelector(".field-counter");
  const [one, other] = [currencyOf("account"), otherCurrency()];
  names(); rate();
  if (!counter) return;
  counter.hidden = !counter.querySelector("input").value && (!one || !other || one === other);
}

// Each amount names its currency, as soon as there are two, and an exchange its rate.
const currencyOf = (name) => field(name)?.selectedOptions?.[0]?.dataset.currency;
const otherCurrency = () => currencyOf("category") ?? currencyOf("target");
function names() {
  if (!form()?.querySelector(".field-counter, #id_counter_amount")) return;
  for (const [name, currency] of [["amount", currencyOf("account")], ["fee", currencyOf("account")], ["counter_amount", otherCurrency()]]) {
    const label = form().querySelector(`label[for="id_${name}"]`);
    if (!label) continue;
    const unit = label.querySelector(".unit") ?? label.insertBefore(Object.assign(document.createElement("span"), { className: "unit" }), label.querySelector(".optional"));
    unit.textContent = currency ? ` ${currency}` : "";
  }
}
function rate() {
  const hint = document.getElementById("rate");
  if (!hint) return;
  const [given, taken] = [number(field("amount")?.value ?? ""), number(field("counter_amount")?.value ?? "")];
  const [one, other] = [currencyOf("account"), otherCurrency()];
  hint.hidden = !(given > 0 && taken > 0 && one && other && one !== other);
  if (hint.hidden) return;
  const shown = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 6 }).format(taken / given);
  hint.textContent = hint.dataset.text.replace("%one%", one).replace("%rate%", shown).replace("%other%", other);
}

// Split: what is left of the total ----------------------------------------------------------------------------------------
// Only to show what is left, and a rate: what is posted is read by the server. Sums are left to it as well.
function number(text) {
  const sum = text.trim().replace(/^=/, "").replace(/×/g, "*").replace(/[÷:]/g, "/").replace(/−/g, "-").replace(/\s/g, "");
  if (/^[\d.,'’]+([-+*/][\d.,'’]+)+$/.test(sum)) {
    return sum.split(/(?=[-+])/).reduce((total, term) => total + term.replace(/^\+/, "").split(/(?=[*/])/).reduce(
      (value, factor, index) => index === 0 ? single(factor) : factor[0] === "*" ? value * single(factor.slice(1)) : value / single(factor.slice(1)), 0), 0);
  }
  return single(text);
}
function single(text) {
  const plain = text.replace(/[\s'’]/g, "").replace("−", "-");
  const mark = Math.max(plain.lastIndexOf("."), plain.lastIndexOf(","));
  const value = mark < 0 ? Number(plain) : Number(plain.slice(0, mark).replace(/[.,]/g, "") + "." + plain.slice(mark + 1));
  return Number.isFinite(value) ? value : 0;
}
function remainder() {
  const note = document.getElementById("left");
  if (!note) return;
  const parts = [...form().querySelectorAll(".rows-amount input")].reduce((sum, input) => sum + number(input.value), 0);
  const left = Math.round((number(field("amount").value) - parts) * 1e6) / 1e6;
  const shown = new Intl.NumberFormat(document.documentElement.lang || undefined, { minimumFractionDigits: 2 }).format(left).replace("-", "−");
  // The last part without an amount gets what is left.
  const rows = [...form().querySelectorAll(".rows-split tbody tr")];
  const last = rows.filter((row) => row.querySelector("select")?.value).at(-1)?.querySelector(".rows-amount input");
  for (const input of form().querySelectorAll(".rows-amount input")) input.placeholder = "";
  if (last && !last.value && left) last.placeholder = shown;
  note.textContent = !field("amount").value ? "" : left === 0 ? note.dataset.even : note.dataset.text.replace("%left%", shown);
}

function prepare() {
  if (!form()) return;
  if (payee() && list()) {
    const combobox = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "payee-suggestions" };
    for (const [name, value] of Object.entries(combobox)) payee().setAttribute(name, value);
  }
  if (field("category")?.value) for (const side of ["category", "account"]) touched.add(side); // said already, not ours to change
  watchCurrency();
  remainder();
  form().querySelector(".modes [aria-pressed='true']")?.scrollIntoView({ block: "nearest", inline: "center" });
  autofocus();
}
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id === "entry" || event.target.id === "entry") prepare();
  else if (event.detail.target?.id === "fee" || event.target.id === "fee") watchCurrency();
});
prepare();
