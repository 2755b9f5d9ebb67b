// The venue's page on a phone whose network comes and goes: a code read without it is kept with its time and sent later.

import * as kept from "./kept.js";

const box = document.getElementById("kept");
const time = (at) => new Date(at).toLocaleTimeString("ru", { hour: "2-digit", minute: "2-digit" });
const day = (at) => new Date(at).toLocaleDateString("ru", { day: "2-digit", month: "2-digit" });

function show() {
  const list = box.querySelector("ul");
  list.replaceChildren();
  const current = new URL(location.href).searchParams.get("at") ? kept.codeIn(location.href) : "";
  const waiting = kept.all().filter((one) => one.code !== current);
  for (const one of waiting) {
    const row = box.querySelector("template").content.cloneNode(true);
    row.querySelector("[data-at]").textContent = `${day(one.at)} ${time(one.at)}`;
    const link = row.querySelector("a");
    link.href = `${box.dataset.here}?${new URLSearchParams({ c: one.code, at: one.at })}`;
    row.querySelector("button").addEventListener("click", () => {
      kept.forget(one.code);
      show();
    });
    list.append(row);
  }
  box.hidden = !waiting.length;
}

function without() {
  for (const one of document.querySelectorAll("[data-offline]")) one.hidden = navigator.onLine;
  for (const one of document.querySelectorAll("[data-code-kept]")) one.hidden = !kept.codeIn(location.href);
}

const form = document.getElementById("here");
if (form) {
  form.addEventListener("submit", (event) => {
    if (navigator.onLine) return;
    const code = form.querySelector("[name=code]").value.replace(/[\s-]/g, "");
    if (!/^[0-9A-Za-z]{8}$/.test(code)) return;
    event.preventDefault();
    kept.keep(code.toUpperCase());
    without();
    show();
  });
}

if (box.dataset.page === "offline") {
  const code = kept.codeIn(location.href);
  if (code) kept.keep(code);
}
if (box.dataset.page === "done") {
  const code = kept.codeIn(location.href);
  if (code) kept.forget(code);
}

window.addEventListener("online", () => { without(); show(); });
window.addEventListener("offline", without);
without();
show();

const home = box.dataset.worker;
if (home && navigator.serviceWorker) {
  for (const scope of ["/V/", box.dataset.here]) navigator.serviceWorker.register(home, { scope }).catch(() => {});
}
