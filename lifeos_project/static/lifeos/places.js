// A new account: places of another kind of account are not offered. Without this script the server says so.

const purpose = document.getElementById("id_purpose");
const place = document.getElementById("id_parent");

function offer() {
  const type = JSON.parse(purpose.dataset.types)[purpose.value];
  for (const option of place.querySelectorAll("option[data-type]")) {
    option.hidden = option.disabled = option.dataset.type !== type;
  }
  for (const group of place.querySelectorAll("optgroup")) group.hidden = !group.querySelector("option:not([hidden])");
  if (place.selectedOptions[0]?.disabled) place.value = "";
}

if (purpose && place) {
  purpose.addEventListener("change", offer);
  offer();
}
