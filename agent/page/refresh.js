// The page is complete without this: it only saves the reader's place over a refresh.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) throw answer.status;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = new Set([...document.querySelectorAll("details[open]")].map((d) => d.id));
    for (const d of next.querySelectorAll("details")) d.open = open.has(d.id);
    const focused = document.activeElement?.id;
    document.title = next.title;
    document.querySelector("main").replaceWith(next.querySelector("main"));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    document.body.classList.remove("lost");
  } catch {
    document.body.classList.add("lost");
  }
}, 30000);
