// What must happen before and outside the page proper. A file of its own, because the content
// security policy allows no inline scripts; small, because the first paint waits for it.
"use strict";
(() => {
  const html = document.documentElement;

  // How the reader wants it, before anything is painted otherwise. Storage may be forbidden.
  const languages = [...navigator.languages];
  try {
    for (const setting of ["theme", "text", "motion"]) {
      const choice = localStorage.getItem(`madang/${setting}`);
      if (choice) html.dataset[setting] = choice;
    }
    languages.unshift(localStorage.getItem("madang/language") ?? "");
  } catch {}
  // As app/src/i18n chooses; an installed page is called what its manifest says.
  html.lang = languages.find((tag) => /^(ko|en)/.test(tag))?.slice(0, 2) ?? "en";
  if (html.lang === "en") document.querySelector("link[rel=manifest]").href = "/manifest.en.webmanifest";
  // The first formatter of times takes long to make; the page's program is still on its way.
  requestAnimationFrame(() => setTimeout(() => new Intl.DateTimeFormat(html.lang, { hour: "numeric" })));
  html.dataset.page = location.pathname.startsWith("/r/") ? "room" : "home";

  // iOS keeps the page's height when the keyboard opens; style/room.css takes what is left.
  const viewport = window.visualViewport;
  viewport?.addEventListener("resize", () => {
    if (viewport.scale === 1) html.style.setProperty("--vvh", `${viewport.height}px`);
  });

  // What lies over the page when it can not help itself: a sentence, and the way to a fresh page.
  const words = {
    ko: {
      broken: "문제가 생겨 화면이 멈췄어요. 쓴 글은 남아 있어요.",
      newer: "새 버전이 나왔어요. 쓰던 글은 그대로 남아요.",
      reload: "새로고침",
      later: "나중에",
    },
    en: {
      broken: "Something broke and the page stopped. What you wrote is kept.",
      newer: "A new version is here. What you are writing stays.",
      reload: "Reload",
      later: "Later",
    },
  };
  const say = (what, role, later) => {
    if (document.querySelector(`.crash[data-says=${what}]`)) return;
    const said = words[html.lang] ?? words.en;
    const bar = document.createElement("div");
    bar.className = "crash";
    bar.dataset.says = what;
    bar.setAttribute("role", role);
    bar.append(said[what]);
    const offer = (name, kind, act) => {
      const button = document.createElement("button");
      button.className = `button ${kind}`;
      button.textContent = said[name];
      button.addEventListener("click", act);
      bar.append(button);
    };
    if (later) offer("later", "", () => (bar.remove(), later()));
    offer("reload", "primary", () => location.reload());
    document.body.append(bar);
  };

  // A page that has panicked can do nothing more. Chrome also tells of observers that could not keep
  // up; nothing is wrong then.
  const broken = (reason) => String(reason).includes("ResizeObserver loop") || say("broken", "alert");
  addEventListener("error", (event) => event.message && broken(event.message));
  addEventListener("unhandledrejection", (event) => broken(event.reason));

  // A released page starts without a network too (sw.js), and sees when the server has a newer one.
  addEventListener("load", () => {
    const ours = /\/pkg\/app\.\w+\.wasm/;
    let [known] = document.head.innerHTML.match(ours) ?? [];
    if (!known) return;
    navigator.serviceWorker?.register("/sw.js").catch(() => {});
    // A click on a notification goes there as a click on Back would.
    navigator.serviceWorker?.addEventListener("message", ({ data }) => {
      if (data.go !== location.pathname) history.pushState(null, "", data.go);
      dispatchEvent(new PopStateEvent("popstate"));
    });
    const look = async () => {
      const page = await fetch("/", { cache: "no-cache" }).then((answer) => answer.text(), () => "");
      const [offered = known] = page.match(ours) ?? [];
      // It lies over the page: who wants to go on is left alone until there is another one.
      if (offered !== known) say("newer", "status", () => (known = offered));
    };
    document.addEventListener("visibilitychange", () => document.hidden || look());
    setInterval(look, 10 * 60 * 1000);
  });
})();
