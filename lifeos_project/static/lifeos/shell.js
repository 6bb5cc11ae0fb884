// The frame's behaviour: keys, menus, dialogs, the colour switch, and what a screen reader says after a part of the page changed.

// On a phone the tabs are wider than the page: begin with the current one in sight.
for (const tabs of document.querySelectorAll(".tabs")) {
  const current = tabs.querySelector("[aria-current]");
  if (current) tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}

const typing = (target) =>
  target instanceof Element && target.closest("input, select, textarea, [contenteditable='true']") !== null;

// Keys ------------------------------------------------------------------------------------------------------------
function press(key) {
  const element = document.querySelector(`[data-key="${key}"]`);
  if (!element) return false;
  if (element.matches("input")) {
    element.focus();
    element.select();
  } else {
    element.click();
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    if (press("/")) event.preventDefault();
    return;
  }
  if (event.key === "Escape") {
    closeMenus(null);
    if (document.activeElement?.id === "search") document.activeElement.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    document.getElementById("keys")?.showModal();
    event.preventDefault();
  } else if (event.key === "/" || event.key === "n") {
    if (press(event.key)) event.preventDefault();
  }
});

// Menus are <details>: they open without us; we close them ------------------------------------------------------------
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === except) continue;
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  }
}
document.addEventListener("click", (event) => {
  const target = event.target;
  closeMenus(target.closest("details.menu"));
  const opener = target.closest("[data-opens]");
  if (opener) {
    closeMenus(null);
    document.getElementById(opener.dataset.opens)?.showModal();
  }
  if (target.matches("dialog")) target.close();
});

// Colours: the cookie is read by the server, so the next page is right from its first paint ----------------------------
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-switch]")) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const age = theme === "auto" ? 0 : 31536000;
  document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button === event.submitter));
  }
  document.dispatchEvent(new CustomEvent("lifeos:theme"));
});

// Search results by arrow keys ----------------------------------------------------------------------------------------
document.querySelector(".searchbox")?.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const stops = [document.getElementById("search"), ...document.querySelectorAll("#search-results a, #search-results button")];
  const next = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (stops[next]) {
    stops[next].focus();
    event.preventDefault();
  }
});

// An operator that the box offers takes the place of what was typed of it.
document.getElementById("search-results")?.addEventListener("click", (event) => {
  const operator = event.target.closest("[data-operator]")?.dataset.operator;
  if (!operator) return;
  const box = document.getElementById("search");
  box.value = box.value.replace(/\S*$/, (typed) => (typed.startsWith("-") ? "-" : "") + operator);
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

// What changed, said aloud: any response may carry the header HX-Trigger: {"lifeos:say": "sentence"} ---------------------
document.body.addEventListener("lifeos:say", (event) => {
  document.getElementById("live").textContent = event.detail.value;
});
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => {
    const messages = document.getElementById("messages");
    const notice = document.createElement("div");
    notice.className = "notice notice-trouble";
    notice.append(document.getElementById("live").dataset.failed);
    messages.replaceChildren(notice);
  });
}

document.querySelector("[data-focus]")?.focus();

// Forms that ask for a time zone begin with the browser's ---------------------------------------------------------------
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const field of document.querySelectorAll("[data-time-zone]")) {
  const known = !field.options || [...field.options].some((option) => option.value === zone);
  if (zone && known) field.value = zone;
}

// Signing out clears what the quick entry keeps on this device; it asks first if something was not sent yet ------------------------
async function unsent(user) {
  const name = `lifeos-quick-${user}`;
  const known = (await indexedDB.databases?.()) ?? [];
  if (!known.some((database) => database.name === name)) return 0;
  return new Promise((resolve) => {
    const asked = indexedDB.open(name);
    asked.onerror = () => resolve(0);
    asked.onsuccess = () => {
      const count = asked.result.transaction("entries").objectStore("entries").count();
      count.onsuccess = () => resolve(count.result);
      count.onerror = () => resolve(0);
    };
  });
}
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-sign-out]");
  if (!form) return;
  event.preventDefault();
  if (!(await unsent(form.dataset.signOut)) || confirm(form.dataset.unsent)) form.submit();
});
