// The dashboard works without this file. With it: the views follow the network, the countdown runs, the search answers
// while one types, and the state of the connection is told.
"use strict";

(() => {
  const main = document.getElementById("main");
  const connection = document.getElementById("connection");
  const told = document.getElementById("told");
  const FIRST_RETRY_MS = 1000;
  const LAST_RETRY_MS = 30000;
  const SETTLE_MS = 150;
  const SPREAD_MS = 400; // many screens hear of a switch at the same moment: they need not all ask in the same one
  const REREAD_MS = 20000; // not all that changes is told: another replica may have taken registrations in
  const ANSWER_MS = 20000;
  const SILENCES = 3;
  const RELOAD_AFTER_MS = 60000; // while replicas of two releases answer, a screen need not go to and fro all the time

  const state = { retryMs: FIRST_RETRY_MS, streamOpen: false, failed: false, asking: false, again: false, dueMs: Infinity, timer: null, updatedAt: new Date() };
  const shown = new Map([...document.querySelectorAll("[data-view]")].map((view) => [view.id, view.outerHTML]));

  // -- the state of the connection --------------------------------------------------------------------------------

  const clock = (date) => date.toISOString().slice(11, 19) + " UTC";

  function tell(name, text) {
    if (connection.dataset.state === name && connection.textContent === text) return;
    connection.dataset.state = name;
    document.body.dataset.connection = name;
    connection.textContent = text;
  }

  function tellConnection() {
    if (state.failed) tell("lost", `Not updating: as of ${clock(state.updatedAt)}`);
    else if (state.streamOpen) tell("live", "Live");
    else tell("waiting", `Reconnecting: as of ${clock(state.updatedAt)}`);
  }

  // -- the views ----------------------------------------------------------------------------------------------------

  function swap(fresh) {
    const old = document.getElementById(fresh.id);
    const html = fresh.outerHTML;
    if (!old || shown.get(fresh.id) === html) return;
    shown.set(fresh.id, html);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    const scrolled = [...old.querySelectorAll("[id].scroll")].map((one) => [one.id, one.scrollTop, one.scrollLeft]);
    const next = document.importNode(fresh, true);
    old.replaceWith(next);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, top, left] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) keepFocus(focused, next);
  }

  function keepFocus(was, view) {
    const now = was.id ? document.getElementById(was.id) : was.closest("details")?.id
      ? document.getElementById(was.closest("details").id)?.querySelector("summary") : null;
    if (!now || !view.contains(now)) return;
    if (now instanceof HTMLInputElement && now.type === "search") {
      now.value = was.value;
      now.focus({ preventScroll: true });
      now.setSelectionRange(was.selectionStart, was.selectionEnd);
    } else {
      now.focus({ preventScroll: true });
    }
  }

  // What the headline is about: when that changes, and not with every number, whoever listens to the page is told.
  const about = () => [...document.querySelectorAll("#headline .over")].map((line) => line.textContent).join(" ");

  // One question at a time, asked again where there was cause meanwhile: to give up the first one for the second would
  // show nothing at all while causes come faster than a busy service answers.
  async function refresh() {
    if (state.asking) {
      state.again = true;
      return;
    }
    state.asking = true;
    const search = location.search;
    try {
      const answer = await fetch(main.dataset.views + search, { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-cache" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (location.search !== search) {
        state.again = true; // somebody typed meanwhile: this is the answer to what was asked before
        return;
      }
      if (fresh.documentElement.dataset.release !== main.dataset.release && performance.now() > RELOAD_AFTER_MS) {
        location.reload(); // the service was upgraded: a screen that nobody touches takes over the new page
        return;
      }
      const headline = about();
      for (const view of fresh.querySelectorAll("[data-view]")) swap(view);
      document.title = fresh.querySelector("title")?.textContent || document.title;
      if (about() !== headline) told.textContent = document.getElementById("headline").innerText.replace(/\s+/g, " ");
      state.updatedAt = new Date();
      state.failed = false;
      tellConnection();
      tick();
    } catch {
      state.failed = true;
      tellConnection();
    } finally {
      state.asking = false;
      if (state.again) {
        state.again = false;
        refreshSoon(0);
      }
    }
  }

  function refreshSoon(delayMs) {
    const dueMs = performance.now() + delayMs;
    if (dueMs >= state.dueMs) return; // it comes sooner already: put off each time, it would not come at all
    clearTimeout(state.timer);
    state.dueMs = dueMs;
    state.timer = setTimeout(() => {
      state.dueMs = Infinity;
      refresh();
    }, delayMs);
  }

  // -- the countdown ------------------------------------------------------------------------------------------------

  function inWords(seconds) {
    const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    let left = seconds;
    const words = [];
    for (const [unit, size] of parts) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count || words.length || unit === "s") words.push(`${count} ${unit}`);
    }
    return words.slice(0, seconds >= 86400 ? 3 : 4).join(" ");
  }

  function tick() {
    for (const time of document.querySelectorAll("[data-countdown]")) {
      const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
      time.textContent = seconds > 0 ? inWords(seconds) : "now: waiting for the chain to confirm it";
    }
  }

  // -- what the service tells -----------------------------------------------------------------------------------------

  // Server-sent events, read as a stream and not by EventSource: whatever its kind an event means that the views are
  // old, and the heartbeats between events, which EventSource hides, tell a quiet line from a dead one.
  async function follow() {
    const line = new AbortController();
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => line.abort(), SILENCES * 1000 * Number(main.dataset.heartbeat));
    };
    try {
      alive();
      const answer = await fetch(main.dataset.events, { signal: line.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      state.streamOpen = true;
      refreshSoon(0); // what happened while nobody listened
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        state.retryMs = FIRST_RETRY_MS;
        if (decoder.decode(value, { stream: true }).includes("data:")) refreshSoon(SETTLE_MS + Math.random() * SPREAD_MS);
      }
    } catch {
      // told below, as when the line ends by itself
    } finally {
      clearTimeout(watchdog);
      line.abort();
    }
    state.streamOpen = false;
    tellConnection();
    refreshSoon(0); // the stream may be blocked on its way while the pages are not
    setTimeout(follow, state.retryMs * (0.5 + Math.random()));
    state.retryMs = Math.min(state.retryMs * 2, LAST_RETRY_MS);
  }

  // -- the search -----------------------------------------------------------------------------------------------------

  function look(input) {
    const address = new URL(location.href);
    if (input.value) address.searchParams.set(input.name, input.value);
    else address.searchParams.delete(input.name);
    history.replaceState(null, "", address);
    refreshSoon(200);
  }

  main.addEventListener("input", (event) => {
    if (event.target.closest("[data-search]")) look(event.target);
  });
  main.addEventListener("submit", (event) => {
    if (!event.target.closest("[data-search]")) return;
    event.preventDefault();
    look(event.target.querySelector("input[type=search]"));
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refreshSoon(0);
  });
  setInterval(() => {
    if (!document.hidden) refreshSoon(0);
  }, REREAD_MS);
  setInterval(tick, 1000);
  tick();
  follow();
})();
