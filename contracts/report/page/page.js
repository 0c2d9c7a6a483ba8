// Everything can be read without this; it copies and filters.
"use strict";

const form = document.querySelector(".filter");
const rows = [...document.querySelectorAll(".rule")];
const search = form.querySelector("input[type=search]");
const told = form.querySelector("[role=status]");

function filter() {
  const wanted = new Set([...form.querySelectorAll("input:checked")].map((one) => one.value));
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.has(row.dataset.verdict) || !words.every((word) => text.includes(word));
  }
  told.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rules`;
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();

async function write(text, pre) {
  // A page that was opened from a file has no clipboard in every browser: it is selected then.
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(pre);
    return document.execCommand("copy") ? "Copied" : "Selected";
  }
}

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const pre = button.parentElement.querySelector("pre");
    button.textContent = await write(pre.textContent, pre);
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// A link to a finding opens it.
function open() {
  const target = document.querySelector(":target > details");
  if (target) target.open = true;
}
addEventListener("hashchange", open);
open();
