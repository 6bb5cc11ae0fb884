// The register by keyboard: j and k move between rows, Enter unfolds and then opens, e corrects.

const rows = () => [...document.querySelectorAll(".register .row")];
const current = () => document.activeElement?.closest(".row") ?? document.activeElement?.closest(".unfolded")?.previousElementSibling;

let byKey = false; // a second Enter opens the entry's own page, a second click folds the row

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[at === -1 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
  next.querySelector(".payee").focus();
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "j" || event.key === "k") {
    move(event.key === "j" ? 1 : -1);
  } else if (event.key === "Enter" && document.activeElement?.matches(".row .payee")) {
    event.preventDefault();
    byKey = true;
    current().querySelector(".unfold").click();
    byKey = false;
  } else if (event.key === "e") {
    const edit = current()?.dataset.edit ?? document.querySelector("a[data-key='e']")?.href;
    if (edit) location.assign(edit);
  }
});

// A second click folds the row again; a second Enter opens the entry's own page.
document.addEventListener("htmx:beforeRequest", (event) => {
  const link = event.target;
  if (!link.matches?.(".unfold")) return;
  const fold = link.closest("tr").nextElementSibling;
  if (!fold?.matches(".unfolded")) return;
  event.preventDefault();
  if (byKey) {
    location.assign(link.href);
    return;
  }
  fold.remove();
  link.setAttribute("aria-expanded", "false");
});
document.addEventListener("htmx:afterSwap", (event) => {
  const link = event.detail.requestConfig?.elt;
  if (link?.matches?.(".unfold")) link.setAttribute("aria-expanded", "true");
});
