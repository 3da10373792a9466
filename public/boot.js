// What must happen before and outside the page proper. A file of its own, because the content
// security policy allows no inline scripts; small, because the first paint waits for it.
"use strict";
(() => {
  const html = document.documentElement;

  // The chosen theme, before anything is painted in the other one. Storage may be forbidden.
  try {
    const theme = localStorage.getItem("madang/theme");
    if (theme) html.dataset.theme = theme;
  } catch {}
  html.dataset.page = location.pathname.startsWith("/r/") ? "room" : "home";

  // iOS keeps the page's height when the keyboard opens; style/room.css takes what is left.
  const viewport = window.visualViewport;
  viewport?.addEventListener("resize", () => {
    if (viewport.scale === 1) html.style.setProperty("--vvh", `${viewport.height}px`);
  });

  // A page that has panicked can do nothing more: say so, in plain words, and offer to reload.
  const words = {
    ko: ["문제가 생겨 화면이 멈췄어요. 쓴 글은 남아 있어요.", "새로고침"],
    en: ["Something broke and the page stopped. What you wrote is kept.", "Reload"],
  };
  const broken = (reason) => {
    const text = String(reason);
    // Chrome tells of observers that could not keep up; nothing is wrong then.
    if (text.includes("ResizeObserver loop") || document.querySelector(".crash")) return;
    const [sentence, action] = words[html.lang] ?? words.en;
    const bar = document.createElement("div");
    bar.className = "crash";
    bar.setAttribute("role", "alert");
    const button = document.createElement("button");
    button.className = "button primary";
    button.textContent = action;
    button.addEventListener("click", () => location.reload());
    bar.append(sentence, button);
    document.body.append(bar);
  };
  addEventListener("error", (event) => event.message && broken(event.message));
  addEventListener("unhandledrejection", (event) => broken(event.reason));
})();
