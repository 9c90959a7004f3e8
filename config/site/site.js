// Betters pages that are whole without it.
(() => {
  "use strict";
  const { slug, api, base } = document.body.dataset;
  if (!slug) return;
  const $ = (id) => document.getElementById(id);
  const [main, said] = [$("main"), $("said")];
  const all = (selector, root = main) => [...root.querySelectorAll(selector)];
  const say = (text) => { said.textContent = ""; setTimeout(() => { said.textContent = text; }, 99); };

  // My programme.
  const key = `plenary:${slug}:sessions`;
  const stored = () => {
    try { return new Set(JSON.parse(localStorage[key])); } catch { return new Set(); }
  };
  const choose = (codes, is) => {
    const kept = stored();
    for (const code of codes) kept[is ? "add" : "delete"](code);
    try { localStorage[key] = JSON.stringify([...kept]); } catch {}
    showChoice();
  };
  const chosen = (form) => new FormData(form).getAll("session");
  const link = (codes) => `${base}/my-programme?${[...codes].map((code) => `session=${code}`).join("&")}`;
  const showChoice = () => {
    const kept = stored();
    for (const anchor of all("[data-count]", document)) {
      anchor.dataset.text ??= anchor.textContent;
      anchor.textContent = anchor.dataset.text + (kept.size ? ` (${kept.size})` : "");
    }
    for (const box of all("[data-choice=all] [name=session]")) box.checked = kept.has(box.value);
    for (const button of all("[data-keep]")) button.hidden = chosen(button.form).every((code) => kept.has(code));
    for (const button of all("[data-update]")) button.hidden = true;
    for (const button of all("[data-toggle] button")) {
      const is = kept.has(chosen(button.form)[0]);
      button.dataset.add ??= button.textContent;
      button.textContent = button.dataset[is ? "remove" : "add"];
      button.classList.toggle("quiet", is);
    }
  };

  // The reader's own time.
  const showOwnTimes = () => {
    for (const hours of all(".hours")) {
      const times = all("time", hours).map((time) => [time.dateTime, new Date(time.dateTime)]);
      // Without its offset, a time is read as one here.
      if (hours.querySelector(".own-time") || times.every(([time, date]) => +new Date(time.slice(0, 19)) === +date)) continue;
      const own = document.createElement("span");
      own.className = "own-time";
      own.textContent = `(${times.map(([time, date], at) => {
        const weekday = !at && date.getDate() !== +time.slice(8, 10) ? "short" : undefined;
        return date.toLocaleTimeString(`${document.documentElement.lang}-u-hc-h23-nu-latn`, { weekday, hour: "2-digit", minute: "2-digit" });
      }).join("–")})`;
      hours.append(" ", own);
    }
    for (const legend of all("[data-own-legend]")) {
      legend.hidden = !main.querySelector(".own-time");
      legend.lastElementChild.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
    }
  };
  const better = () => { showChoice(); showOwnTimes(); };

  // Puts `id` of the page at `url` in place; scroll and focus stay. Returns what the main part was before.
  const wanted = {};
  const swap = async (url, id) => {
    const old = $(id);
    if (!old) return;
    wanted[id] = url;
    const answer = await fetch(url, { cache: "no-cache" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    if (!answer.ok || !fresh) throw answer.status;
    if (wanted[id] !== url) return;
    const was = document.activeElement;
    const isInside = old !== was && old.contains(was);
    const isOpen = old.querySelector("details[open]");
    const before = id === "main" && stateOfMain();
    old.replaceChildren(...fresh.childNodes);
    if (isOpen) old.querySelector("details").open = true;
    better();
    const same = (it) => ["id", "value", "href"].every((name) => it.getAttribute(name) === was.getAttribute(name));
    if (isInside) (all(was.localName, old).find(same) || main).focus({ preventScroll: true });
    return before;
  };
  const here = () => location.href.split("#")[0];
  const show = async (url, id = "main") => {
    try { await swap(url, id); } catch { return location.assign(url); }
    if (wanted[id] !== url) return;
    history.replaceState(null, "", url);
    say(main.querySelector("[data-announce]")?.textContent || "");
  };

  // Shows in the region that the form names what its controls ask for.
  const filter = (form) => {
    clearTimeout(typing);
    const asked = [...new FormData(form)].filter(([, value]) => value);
    show(`${form.action}?${new URLSearchParams(asked)}`, form.dataset.filters);
  };
  let typing;
  main.addEventListener("input", ({ target }) => {
    if (target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(filter, 300, target.form);
  });
  main.addEventListener("change", ({ target: { form, value, checked } }) => {
    if (form?.matches("[data-filters]")) filter(form);
    else if (form?.matches("[data-choice]")) {
      choose([value], checked);
      if (form.matches("[data-choice=page]")) show(`${form.action}?${new URLSearchParams(new FormData(form))}`);
    }
  });
  main.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-toggle]")) choose(chosen(form), !stored().has(chosen(form)[0]));
    // All, whatever the filter shows.
    else if (form.matches("[data-choice=all]")) location.assign(link(stored()));
    else if (form.matches("[data-filters]")) filter(form);
    else return;
    event.preventDefault();
  });
  main.addEventListener("click", ({ target }) => {
    if (!target.matches("[data-keep]")) return;
    choose(chosen(target.form), true);
    main.focus({ preventScroll: true });
  });
  addEventListener("storage", showChoice);
  if (location.pathname === `${base}/my-programme` && !location.search && stored().size) location.replace(link(stored()));
  const own = main.querySelector("[data-own]");
  const inAddress = new URLSearchParams(location.search).getAll("session");
  const missing = own ? [...stored()].filter((code) => !inAddress.includes(code)) : [];
  if (missing.length) location.replace(`${location.href}&${missing.map((code) => `session=${code}`).join("&")}`);
  better();

  // What a new release changes on the page, in words beside the session and for screen readers.
  const entries = () => new Map(all("[data-entry]").map((it) => [it.dataset.entry, it]));
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const noteOf = (text) => Object.assign(document.createElement("p"), { className: "changed", textContent: text });
  // Its text is compared without what this script wrote, and without what changes with the time of day.
  const stateOfMain = () => {
    const copy = main.cloneNode(true);
    for (const it of all(".changed, #now", copy)) it.remove();
    return { sessions: entries(), removed: all("[data-removed]"), text: copy.textContent };
  };
  const changeOf = (was, is) => {
    const [{ day, time, ends, room, title }, before] = [is.dataset, was.dataset];
    const moved = time && (time !== before.time || day !== before.day);
    const lasts = ends && ends !== before.ends && !moved;
    const hours = lasts ? `${time}–${ends}` : time;
    const when = day === before.day ? hours : `${day} ${hours}`;
    const parts = [];
    if (room !== before.room && room) parts.push(fill(said.dataset.movedTo, { when, room }));
    else if (moved || lasts) parts.push(fill(said.dataset.moved, { when }));
    if (before.room && !room) parts.push(said.dataset.roomless);
    if (title !== before.title) parts.push(fill(said.dataset.renamed, { title }));
    return parts.join(" ");
  };
  // Earlier notes stay, so that whoever looks later sees all that changed since the page was opened.
  const tell = ({ sessions, removed, text }) => {
    const after = entries();
    const lines = [];
    for (const [code, it] of after) {
      const was = sessions.get(code);
      const change = was ? changeOf(was, it) : fill(said.dataset.added, it.dataset);
      if (change) lines.push(was ? `${was.dataset.title}: ${change}` : change);
      const note = change && !was ? said.dataset.isNew : change || was.querySelector(".changed")?.textContent;
      if (note) (it.querySelector("[data-changes]") || it).append(noteOf(note));
    }
    const kept = removed.filter((note) => !after.has(note.dataset.removed));
    for (const [code, { dataset }] of sessions) {
      if (after.has(code)) continue;
      const note = noteOf(fill(said.dataset.removed, dataset));
      note.dataset.removed = code;
      kept.push(note);
      lines.push(note.textContent);
    }
    main.prepend(...kept);
    if (lines.length) say([said.dataset.changed, ...lines.slice(0, 5), ...(lines.length > 5 ? ["…"] : [])].join(" "));
    else if (stateOfMain().text !== text) say(said.dataset.changed);
  };
  const gone = (status) => {
    if (status !== 404 || $("gone")) return;
    const note = noteOf(said.dataset.gone);
    note.id = "gone";
    main.prepend(note);
    say(said.dataset.gone);
  };

  // Live.
  if (!main.matches("[data-live]")) return;
  let source, last;
  const timers = {};
  // Not all at once.
  const soon = (id) => {
    clearTimeout(timers[id]);
    timers[id] = setTimeout(() => {
      swap(here(), id).then((before) => before && tell(before), (status) => id === "main" && gone(status));
    }, 200 + Math.random() * 2000);
  };
  const listen = () => {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(`${api}/programme/events${last ? `?last_event_id=${last}` : ""}`);
    for (const name of "connected release redacted session_started session_finished item_started item_finished".split(" ")) {
      source.addEventListener(name, ({ lastEventId }) => {
        last = lastEventId;
        if (name[0] === "r") soon("main");
        else if (name[0] !== "c") soon("now");
      });
    }
  };
  document.addEventListener("visibilitychange", listen);
  listen();
})();
