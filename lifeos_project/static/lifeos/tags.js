// Tags as chips: the field keeps the names with commas between, which is what the form sends, also without a script.
function enhance(field) {
  if (field.dataset.enhanced) return;
  field.dataset.enhanced = "yes";
  const sent = field.querySelector("input");
  const typed = sent.cloneNode();
  typed.removeAttribute("name");
  typed.value = "";
  sent.type = "hidden";
  sent.removeAttribute("id");
  sent.removeAttribute("list");
  const chips = document.createElement("span");
  chips.className = "tags";
  sent.after(chips, typed);
  let names = [];

  const show = () => {
    sent.value = names.join(", ");
    chips.replaceChildren(...names.map((name) => {
      const chip = document.createElement("span");
      chip.className = "tag";
      chip.textContent = name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `${field.dataset.remove} ${name}`);
      remove.addEventListener("click", () => {
        names = names.filter((each) => each !== name);
        show();
        typed.focus();
      });
      chip.append(remove);
      return chip;
    }));
  };
  const add = (text) => {
    for (const part of text.split(",")) {
      const name = part.trim().replace(/\s+/g, " ");
      if (name && !names.some((each) => each.toLowerCase() === name.toLowerCase())) names.push(name);
    }
    typed.value = "";
    show();
  };
  const offered = () => [...field.querySelectorAll("datalist option")].some((one) => one.value === typed.value);
  typed.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey || event.key === ",") && typed.value.trim()) {
      event.preventDefault();
      add(typed.value);
    } else if (event.key === "Backspace" && !typed.value && names.length) {
      names.pop();
      show();
    }
  });
  // Chosen from the list: the browser puts the whole name in at once.
  typed.addEventListener("input", (event) => event.inputType !== "insertText" && offered() && add(typed.value));
  typed.addEventListener("change", () => typed.value.trim() && add(typed.value));
  add(sent.value);
}

const all = () => document.querySelectorAll("[data-tags]").forEach(enhance);
all();
document.body.addEventListener("htmx:load", all); // the entry form is replaced when its kind changes
