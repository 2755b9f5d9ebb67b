// The search without a reload, where scripts run: the same addresses, the same page, its results put in place.
// Whatever goes wrong, the browser goes to the address itself.
"use strict";
(() => {
  const form = document.getElementById("seek");
  if (!form || !window.fetch || !window.DOMParser) return;
  let asked = 0;

  const address = () => {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(fields).toString();
    return location.pathname + (query ? "?" + query : "");
  };

  const show = async (to, { remember = true, focus = false } = {}) => {
    const mine = ++asked;
    const found = document.getElementById("found");
    found.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(to, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asked) return; // a later question was asked meanwhile
      const fresh = page.getElementById("found");
      found.replaceWith(document.adoptNode(fresh));
      for (const [n, link] of document.querySelectorAll(".tongues a").entries())
        link.href = page.querySelectorAll(".tongues a")[n].getAttribute("href");
      if (remember) history.pushState({ seek: true }, "", to);
      document.getElementById("said").textContent = document.getElementById("count").textContent;
      if (focus) fresh.focus();
    } catch {
      if (mine === asked) location.assign(to);
    }
  };

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return; // to the list of clubs put aside
    event.preventDefault();
    show(address(), { focus: true });
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "q" && event.target.name !== "programme") show(address());
  });
  // What is ticked goes along to the next page, too.
  document.addEventListener("change", (event) => {
    if (event.target.name !== "pick") return;
    for (const link of document.querySelectorAll("#found .actions a[href]")) {
      const to = new URL(link.href);
      to.searchParams.delete("pick");
      for (const one of new FormData(form).getAll("pick")) to.searchParams.append("pick", one);
      link.href = to.href;
    }
  });
  addEventListener("popstate", () => location.reload());
})();
