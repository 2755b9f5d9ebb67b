// An errand's page says by itself how far it is: parts that changed are replaced, the rest keeps focus and place.
const errand = document.getElementById("errand");
const part = (name, root) => root.querySelector(`[data-part="${name}"]`);

async function look() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("errand");
  if (!fresh) return location.reload(); // signed out meanwhile, or no right any more
  for (const name of ["state", "more", "next", "withdraw"]) {
    const [now, then] = [part(name, errand), part(name, fresh)];
    if (!now || !then) continue;
    // The form's key and token differ in each answer; what it says does not.
    const same = name === "withdraw" ? !now.childElementCount === !then.childElementCount : now.innerHTML === then.innerHTML;
    if (!same) now.replaceChildren(...then.childNodes);
  }
  const [box, next] = [errand.querySelector(".errand"), fresh.querySelector(".errand")];
  if (box.className !== next.className) box.className = next.className;
  errand.dataset.open = fresh.dataset.open;
}

async function watch() {
  while (errand.dataset.open === "1") {
    await new Promise((resolve) => setTimeout(resolve, Number(errand.dataset.every)));
    if (document.hidden) continue;
    try {
      await look();
    } catch {
      // the network is away: asked again at the next turn
    }
  }
}

if (errand) watch();
