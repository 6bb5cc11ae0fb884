// Ticking by keyboard: j and k move between the rows, Space or Enter ticks the one that has the focus.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  if (event.key !== "j" && event.key !== "k") return;
  const all = [...document.querySelectorAll(".tick")];
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[at === -1 ? 0 : Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});
