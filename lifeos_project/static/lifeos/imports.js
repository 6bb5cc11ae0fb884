// The rows of an import by keyboard: j and k move, a number chooses what to do, c goes to the category, Escape back.

// Without those in a list that is folded away.
const rows = () => [...document.querySelectorAll(".import-row")].filter((row) => row.getClientRects().length);
const current = () => document.activeElement?.closest(".import-row");

function focus(row) {
  if (!row) return;
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const all = rows();
  const at = all.indexOf(current());
  focus(all[at === -1 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)]);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    focus(current());
    return;
  }
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "j" || event.key === "k") {
    move(event.key === "j" ? 1 : -1);
  } else if (event.key === "c") {
    const category = current()?.querySelector("input[name='category']:not([hidden])");
    if (!category) return;
    event.preventDefault();
    category.focus();
    category.select();
  } else if (/^[1-9]$/.test(event.key)) {
    const choice = current()?.querySelector("select[name='decision']");
    if (!choice || Number(event.key) > choice.options.length) return;
    choice.selectedIndex = Number(event.key) - 1;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// The row that was answered is replaced by a new one, which takes the focus back.
let answered = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  const row = event.target.closest?.(".import-row");
  answered = row?.contains(document.activeElement) ? row.id : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!answered) return;
  focus(document.getElementById(answered));
  answered = null;
});
