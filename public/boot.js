// Runs before the app is loaded and when it has crashed. A file of its own, because the content
// security policy allows no inline scripts; small, because the first paint waits for it.
"use strict";
(() => {
  const html = document.documentElement;

  // Applies the stored settings before the first paint. Storage may be forbidden.
  const languages = [...navigator.languages];
  try {
    for (const setting of ["theme", "text", "motion"]) {
      const choice = localStorage.getItem(`madang/${setting}`);
      if (choice) html.dataset[setting] = choice;
    }
    languages.unshift(localStorage.getItem("madang/language") ?? "");
  } catch {}
  // The same choice as in app/src/i18n. The manifest holds the name of the installed app.
  html.lang = languages.find((tag) => /^(ko|en)/.test(tag))?.slice(0, 2) ?? "en";
  if (html.lang === "en") document.querySelector("link[rel=manifest]").href = "/manifest.en.webmanifest";
  // The first Intl formatter is slow to create: does it while the app is still loading.
  requestAnimationFrame(() => setTimeout(() => new Intl.DateTimeFormat(html.lang, { hour: "numeric" })));
  html.dataset.page = location.pathname.startsWith("/r/") ? "room" : "home";

  // iOS does not shrink the page when the keyboard opens: style/room.css uses this height instead.
  const viewport = window.visualViewport;
  viewport?.addEventListener("resize", () => {
    if (viewport.scale === 1) html.style.setProperty("--visual-viewport-height", `${viewport.height}px`);
  });

  // A bar over the page with a sentence and a reload button, for when the app itself can not show it.
  const translations = {
    ko: {
      crash: "문제가 생겨 화면이 멈췄어요. 쓴 글은 남아 있어요.",
      update: "새 버전이 나왔어요. 쓰던 글은 그대로 남아요.",
      reload: "새로고침",
      later: "나중에",
    },
    en: {
      crash: "Something broke and the page stopped. What you wrote is kept.",
      update: "A new version is here. What you are writing stays.",
      reload: "Reload",
      later: "Later",
    },
  };
  const showAlert = (kind, role, onLater) => {
    if (document.querySelector(`.page-alert[data-kind=${kind}]`)) return;
    const texts = translations[html.lang] ?? translations.en;
    const bar = document.createElement("div");
    bar.className = "page-alert";
    bar.dataset.kind = kind;
    bar.setAttribute("role", role);
    bar.append(texts[kind]);
    const addButton = (name, style, onClick) => {
      const button = document.createElement("button");
      button.className = `button ${style}`;
      button.textContent = texts[name];
      button.addEventListener("click", onClick);
      bar.append(button);
    };
    if (onLater) addButton("later", "", () => (bar.remove(), onLater()));
    addButton("reload", "primary", () => location.reload());
    document.body.append(bar);
  };

  // After a panic the app can do nothing more. Chrome also reports ResizeObserver loops as errors;
  // they are harmless.
  const reportCrash = (reason) => String(reason).includes("ResizeObserver loop") || showAlert("crash", "alert");
  addEventListener("error", (event) => event.message && reportCrash(event.message));
  addEventListener("unhandledrejection", (event) => reportCrash(event.reason));

  // A release build also starts without a network (sw.js) and checks whether the server has a newer version.
  addEventListener("load", () => {
    const modulePattern = /\/pkg\/app\.\w+\.wasm/;
    let [current] = document.head.innerHTML.match(modulePattern) ?? [];
    if (!current) return;
    navigator.serviceWorker?.register("/sw.js").catch(() => {});
    // A click on a notification navigates within the app, through the same event as the Back button.
    navigator.serviceWorker?.addEventListener("message", ({ data }) => {
      if (data.go !== location.pathname) history.pushState(null, "", data.go);
      dispatchEvent(new PopStateEvent("popstate"));
    });
    const checkForUpdate = async () => {
      const page = await fetch("/", { cache: "no-cache" }).then((response) => response.text(), () => "");
      const [offered = current] = page.match(modulePattern) ?? [];
      // "Later" dismisses this version for good; the next one is offered again.
      if (offered !== current) showAlert("update", "status", () => (current = offered));
    };
    document.addEventListener("visibilitychange", () => document.hidden || checkForUpdate());
    setInterval(checkForUpdate, 10 * 60 * 1000);
  });
})();
