// Two small comforts on the pages of signing in: show what is typed, and tell the time zone. Without scripts both are missed by nobody.

for (const input of document.querySelectorAll("input[data-reveal]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  const box = document.createElement("div");
  box.className = "reveal-box";
  input.replaceWith(box);
  box.append(input, button);
  const labels = document.querySelector("[data-reveal-labels]")?.dataset ?? {};
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? (labels.hide ?? "Hide") : (labels.show ?? "Show");
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-controls", input.id);
  };
  show(false);
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A password shown is hidden again before it leaves, so that the browser does not keep it as a text field's history.
  input.form?.addEventListener("submit", () => show(false));
}

for (const input of document.querySelectorAll("input[data-time-zone]")) {
  input.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    source.select();
    await navigator.clipboard.writeText(source.value);
    button.textContent = button.dataset.done;
  });
}
