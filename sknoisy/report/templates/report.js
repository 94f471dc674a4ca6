"use strict";
(() => {
  const PAGE_SIZE = 25;
  const FIRST_VALUES = 8;
  const UNSURE = "?";
  const IS_NOISE = 1, IS_TRUSTED = 2, IS_NEAR = 4;

  const data = JSON.parse(document.getElementById("report-data").textContent);
  const rows = data.rows;
  const nListed = rows.position.length;
  const byId = (id) => document.getElementById(id);

  /* Elements are made from names and texts only, never from markup. */
  function element(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key in made && key !== "list") made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function stored(key, value) {
    // In a sandboxed frame, or where a browser forbids it, nothing is kept.
    try {
      if (value === undefined) return localStorage.getItem(key);
      localStorage.setItem(key, value);
    } catch (error) { /* The page works without. */ }
    return null;
  }

  const whole = (number) => number.toLocaleString("en-US");
  const nRows = (number) => `${whole(number)} row${number === 1 ? "" : "s"}`;
  const className = (code) => data.classes[code];
  const quality = (place) => rows.quality[place] / data.steps;

  function percent(share) {
    if (share > 0 && share < 0.001) return "< 0.1\u00a0%";
    if (share > 0.999 && share < 1) return "> 99.9\u00a0%";
    const digits = share < 0.1 || share > 0.9 ? 1 : 0;
    return `${(100 * share).toFixed(digits).replace(/\.0$/, "")}\u00a0%`;
  }

  // Long names that begin alike are told apart by their ends.
  function middle(text, length) {
    if (text.length <= length) return text;
    const end = Math.floor(length * 0.45);
    return `${text.slice(0, length - end - 1)}…${text.slice(-end)}`;
  }

  function rowLabel(place) {
    return rows.label ? rows.label[place] : rows.position[place];
  }

  function rowName(place) {
    const label = rowLabel(place);
    return Array.isArray(label) ? label.join(", ") : String(label);
  }

  /* ---- colours ---- */

  const THEMES = ["auto", "light", "dark"];
  let theme = stored("sknoisy:theme");
  if (!THEMES.includes(theme)) theme = "auto";

  function showTheme() {
    document.documentElement.dataset.theme = theme;
    byId("theme-name").textContent = theme[0].toUpperCase() + theme.slice(1);
    const words = { auto: "as the system has them", light: "light", dark: "dark" };
    byId("theme").setAttribute("aria-label", `Colours: ${words[theme]}`);
  }

  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    stored("sknoisy:theme", theme);
    showTheme();
  });
  showTheme();

  /* ---- what the page shows, kept in its address ---- */

  const hasNoise = rows.flags.some((flags) => flags & IS_NOISE);
  const DEFAULTS = {
    tab: "overview", show: hasNoise ? "flagged" : "all", given: "", suggested: "", group: "",
    q: "", sort: "suspicious", page: "1",
  };
  const state = { ...DEFAULTS };

  function readAddress(text) {
    const given = new URLSearchParams(text);
    for (const key of Object.keys(DEFAULTS)) {
      state[key] = given.has(key) ? given.get(key) : DEFAULTS[key];
    }
  }

  function writeAddress() {
    const shown = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (value !== DEFAULTS[key]) shown.set(key, value);
    }
    try {
      history.replaceState(null, "", `#${shown}`);
    } catch (error) { /* A frame without an address. */ }
  }

  /* ---- tabs ---- */

  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const panelOf = (tab) => byId(tab.getAttribute("aria-controls"));

  function showTab(name) {
    let shown = tabs.find((tab) => tab.getAttribute("aria-controls") === name);
    if (!shown) {
      shown = tabs[0];
      state.tab = DEFAULTS.tab;
    }
    for (const tab of tabs) {
      const isShown = tab === shown;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      panelOf(tab).hidden = !isShown;
    }
    const bar = shown.parentElement;
    bar.scrollLeft = shown.offsetLeft - (bar.clientWidth - shown.offsetWidth) / 2;
    if (state.tab === "confusions") showMatrix();
    if (state.tab === "data") showTableReport();
  }

  function goTo(tab) {
    state.tab = tab;
    showTab(tab);
    writeAddress();
  }

  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => goTo(tab.getAttribute("aria-controls")));
    tab.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1 };
      let next;
      if (event.key in steps) next = (number + steps[event.key] + tabs.length) % tabs.length;
      else if (event.key === "Home") next = 0;
      else if (event.key === "End") next = tabs.length - 1;
      else return;
      event.preventDefault();
      tabs[next].focus();
      goTo(tabs[next].getAttribute("aria-controls"));
    });
  });

  for (const button of document.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      readAddress(button.dataset.go);
      state.tab = "queue";
      showAll();
      window.scrollTo(0, 0);
    });
  }

  /* ---- decisions ---- */

  const placeOf = new Map(rows.position.map((position, place) => [position, place]));
  const reviewed = new Map(data.answers);
  const decisions = new Map();
  const storageKey = `sknoisy:decisions:${data.id}`;

  function readDecisions() {
    let kept = [];
    try {
      kept = JSON.parse(stored(storageKey) || "[]");
    } catch (error) { /* Not ours. */ }
    for (const [position, code] of Array.isArray(kept) ? kept : []) {
      const isKnown = code === UNSURE || (Number.isInteger(code) && code >= 0 && code < data.nClasses);
      if (placeOf.has(position) && isKnown) decisions.set(placeOf.get(position), code);
    }
  }

  function decide(place, answer) {
    if (answer === null || decisions.get(place) === answer) decisions.delete(place);
    else decisions.set(place, answer);
    keepDecisions();
  }

  function keepDecisions() {
    const kept = [...decisions].map(([place, code]) => [rows.position[place], code]);
    stored(storageKey, JSON.stringify(kept));
    showDecided();
  }

  function showDecided() {
    const none = decisions.size === 0;
    byId("decided-count").textContent = none ? "Nothing decided yet" : `${nRows(decisions.size)} decided`;
    for (const id of ["download-csv", "download-jsonl", "forget"]) byId(id).disabled = none;
  }

  byId("forget").addEventListener("click", () => {
    decisions.clear();
    keepDecisions();
    showRows();
  });

  /* ---- the files that read_review and read_jsonl read ---- */

  const FORMULA = /^(?:'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n])/;
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

  function csvCell(value) {
    let text = value === null || value === undefined ? "" : String(value);
    if (typeof value === "boolean") text = value ? "True" : "False";
    if (FORMULA.test(text) && !NUMBER.test(text)) text = `'${text}`;
    return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function reasonWords(place) {
    const seen = data.looks.filter((look) => look.words !== null && look.counts[place] >= 0);
    if (seen.length) {
      const counts = seen.map((look) => `${look.counts[place]} of ${look.of} ${look.words}`);
      return `contradicted in ${counts.join(" and ")}`;
    }
    const plain = data.looks.find((look) => look.words === null);
    if (!plain) return "";
    const other = className(rows.suggested[place]);
    return `beside '${other}' the given label has ${plain.counts[place]}% of the probability`;
  }

  function reason(place) {
    const value = quality(place);
    const side = value < data.threshold ? "below" : "above";
    const distance = Math.abs(value - data.threshold).toFixed(2);
    const words = reasonWords(place);
    const verdict = `quality ${value.toFixed(2)}, ${distance} ${side} the threshold of ${data.threshold.toFixed(2)}`;
    return words ? `${words}; ${verdict}` : verdict;
  }

  function records() {
    const places = [...decisions.keys()].sort((one, other) => one - other);
    return places.map((place) => {
      const answer = decisions.get(place);
      return {
        row_label: rowLabel(place),
        row: rows.position[place],
        given_label: data.classValues[rows.given[place]],
        suggested_label: data.classValues[rows.suggested[place]],
        label_quality: quality(place),
        reason: reason(place),
        right_label: answer === UNSURE ? UNSURE : data.classValues[answer],
      };
    });
  }

  function asCsv(found) {
    const nLevels = Array.isArray(found[0].row_label) ? found[0].row_label.length : 1;
    const levels = nLevels === 1 ? ["row_label"] : Array.from({ length: nLevels }, (_, level) => `row_label_${level + 1}`);
    const fields = Object.keys(found[0]).slice(1);
    const lines = [[...levels, ...fields]];
    for (const record of found) {
      const labels = nLevels === 1 ? [record.row_label] : record.row_label;
      lines.push([...labels, ...fields.map((field) => record[field])]);
    }
    // The mark tells a spreadsheet that letters are Unicode.
    return `\ufeff${lines.map((line) => line.map(csvCell).join(",")).join("\r\n")}\r\n`;
  }

  function download(name, kind, text) {
    const address = URL.createObjectURL(new Blob([text], { type: kind }));
    const link = element("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  byId("download-csv").addEventListener("click", () => {
    download("review.csv", "text/csv;charset=utf-8", asCsv(records()));
  });
  byId("download-jsonl").addEventListener("click", () => {
    const lines = records().map((record) => `${JSON.stringify(record)}\n`);
    download("review.jsonl", "application/jsonl;charset=utf-8", lines.join(""));
  });

  /* ---- filters ---- */

  const truthIs = (place, isWrong, isNoise) =>
    rows.truth[place] >= 0 &&
    (rows.truth[place] !== rows.given[place]) === isWrong &&
    Boolean(rows.flags[place] & IS_NOISE) === isNoise;

  const SHOWS = [
    ["flagged", "flagged", (place) => rows.flags[place] & IS_NOISE],
    ["near", "near threshold", (place) => rows.flags[place] & IS_NEAR],
    ["all", "all rows", () => true],
    ["kept", "not flagged", (place) => !(rows.flags[place] & IS_NOISE)],
    ["undecided", "flagged, undecided", (place) => rows.flags[place] & IS_NOISE && !decisions.has(place) && !reviewed.has(place)],
    ["decided", "decided here", (place) => decisions.has(place)],
  ];
  const samplePlace = new Map(data.sample.map((place, number) => [place, number]));
  if (samplePlace.size) SHOWS.push(["sample", "the sample that tells most", (place) => samplePlace.has(place)]);
  if (reviewed.size) SHOWS.push(["reviewed", "reviewed before", (place) => reviewed.has(place)]);
  if (rows.flags.some((flags) => flags & IS_TRUSTED)) SHOWS.push(["trusted", "trusted", (place) => rows.flags[place] & IS_TRUSTED]);
  if (rows.truth) {
    SHOWS.push(["found", "wrong, flagged", (place) => truthIs(place, true, true)]);
    SHOWS.push(["missed", "wrong, not flagged", (place) => truthIs(place, true, false)]);
    SHOWS.push(["alarm", "right, but flagged", (place) => truthIs(place, false, true)]);
  }

  const collator = new Intl.Collator("en", { numeric: true });
  let classRanks = null;
  function rankOfClass(code) {
    if (!classRanks) {
      const order = data.classes.map((_, each) => each).sort((a, b) => collator.compare(className(a), className(b)));
      classRanks = [];
      order.forEach((each, rank) => { classRanks[each] = rank; });
    }
    return classRanks[code];
  }

  const steps = Math.round(data.threshold * data.steps);
  const SORTS = {
    suspicious: ["most suspicious", null],
    near: ["nearest threshold", (place) => Math.abs(rows.quality[place] - steps)],
    sure: ["most trusted", (place) => -rows.quality[place]],
    row: ["order of rows", (place) => rows.position[place]],
    given: ["given label", (place) => rankOfClass(rows.given[place])],
    suggested: ["suggested label", (place) => rankOfClass(rows.suggested[place])],
  };
  if (samplePlace.size) {
    SORTS.sample = ["order of the sample", (place) => (samplePlace.has(place) ? samplePlace.get(place) : nListed)];
  }
  const orders = {};

  function order(name) {
    if (!(name in SORTS)) name = "suspicious";
    if (!orders[name]) {
      const places = Uint32Array.from({ length: nListed }, (_, place) => place);
      const key = SORTS[name][1];
      if (key) {
        const keys = Float64Array.from(places, key);
        places.sort((one, other) => keys[one] - keys[other] || one - other);
      }
      orders[name] = places;
    }
    return orders[name];
  }

  const contentOf = new Map(data.content.places.map((place, number) => [place, number]));
  let texts = null;

  function searchedTexts() {
    if (!texts) {
      texts = Array.from({ length: nListed }, (_, place) => rowName(place));
      const content = data.content;
      for (const [place, number] of contentOf) {
        const parts = [texts[place]];
        for (const column of content.cells) if (column[number] !== null) parts.push(column[number]);
        for (const other of [content.texts, content.files]) if (other) parts.push(other[number]);
        texts[place] = parts.join("\n");
      }
      texts = texts.map((text) => text.toLowerCase());
    }
    return texts;
  }

  function searched() {
    const wanted = state.q.trim().toLowerCase();
    if (!wanted) return () => true;
    const found = data.classes.map((name) => name.toLowerCase().includes(wanted));
    const all = searchedTexts();
    return (place) => found[rows.given[place]] || found[rows.suggested[place]] || all[place].includes(wanted);
  }

  function matching() {
    const show = (SHOWS.find(([name]) => name === state.show) || SHOWS[2])[2];
    const isFound = searched();
    const given = state.given === "" ? null : Number(state.given);
    const suggested = state.suggested === "" ? null : Number(state.suggested);
    const group = state.group === "" || !rows.group ? null : Number(state.group);
    const found = [];
    for (const place of order(state.sort)) {
      if (given !== null && rows.given[place] !== given) continue;
      if (suggested !== null && rows.suggested[place] !== suggested) continue;
      if (group !== null && rows.group[place] !== group) continue;
      if (show(place) && isFound(place)) found.push(place);
    }
    return found;
  }

  function fillSelect(id, options) {
    byId(id).replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text })));
  }

  function classOptions(codes, any) {
    const counts = new Map();
    for (const code of codes) counts.set(code, (counts.get(code) || 0) + 1);
    const named = [...counts.keys()].sort((one, other) => rankOfClass(one) - rankOfClass(other));
    return [["", any], ...named.map((code) => [String(code), className(code)])];
  }

  function fillFilters() {
    fillSelect("filter-show", SHOWS.map(([name, words]) => [name, words]));
    fillSelect("filter-sort", Object.entries(SORTS).map(([name, [words]]) => [name, words]));
    fillSelect("filter-given", classOptions(rows.given, "any"));
    fillSelect("filter-suggested", classOptions(rows.suggested, "any"));
    if (data.groups) {
      byId("group-label").hidden = false;
      fillSelect("filter-group", [["", "any"], ...data.groups.map((name, code) => [String(code), name])]);
    }
  }

  const FILTERS = ["show", "given", "suggested", "group", "q", "sort"];

  function showFilters() {
    for (const key of FILTERS) byId(`filter-${key}`).value = state[key];
  }

  function changed(key, value) {
    if (state[key] === value) return;
    state[key] = value;
    state.page = "1";
    showRows();
    writeAddress();
  }

  for (const key of FILTERS) {
    const control = byId(`filter-${key}`);
    control.addEventListener(key === "q" ? "input" : "change", () => changed(key, control.value));
  }
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear-filters").addEventListener("click", () => {
    readAddress("tab=queue");
    showFilters();
    showRows();
    writeAddress();
  });

  /* ---- the list ---- */

  function labelText(code, kind) {
    return element("span", { className: `label ${kind}`, title: className(code), textContent: className(code) });
  }

  function thumbnail(place, number) {
    const address = data.content.pictures && data.content.pictures[number];
    if (!data.content.pictures) return null;
    if (!address) return element("div", { className: "picture none", textContent: "no picture" });
    return element("img", {
      className: "picture", src: address,
      alt: `Image of row ${rowName(place)}, given the label ${className(rows.given[place])}`,
    });
  }

  function valueList(number, from, to) {
    const list = element("dl", { className: "values" });
    data.content.columns.slice(from, to).forEach((name, column) => {
      const value = data.content.cells[from + column][number];
      list.append(element("div", {},
        element("dt", { textContent: name }),
        element("dd", { textContent: value === null ? "missing" : value, className: value === null ? "missing" : "" })));
    });
    return list;
  }

  function values(place) {
    const number = contentOf.get(place);
    if (number === undefined) return null;
    const box = element("div", { className: "content" });
    const { columns, texts: written, files } = data.content;
    if (written) box.append(element("p", { className: "text", textContent: written[number] }));
    if (files) box.append(element("p", { className: "file muted", textContent: files[number] }));
    if (columns.length) {
      box.append(valueList(number, 0, FIRST_VALUES));
      if (columns.length > FIRST_VALUES) {
        const more = element("button", { type: "button", className: "link", textContent: `${columns.length - FIRST_VALUES} more values` });
        more.addEventListener("click", () => more.replaceWith(valueList(number, FIRST_VALUES, columns.length)));
        box.append(more);
      }
    }
    return box;
  }

  function verdict(place) {
    const share = quality(place);
    const fill = element("span", { className: rows.flags[place] & IS_NOISE ? "rate-fill marked" : "rate-fill" });
    fill.style.width = `${100 * share}%`;
    const mark = element("span", { className: "rate-threshold" });
    mark.style.left = `${100 * data.threshold}%`;
    const bar = element("span", { className: "rate" }, fill, mark);
    bar.setAttribute("aria-hidden", "true");
    return [
      element("p", { className: "change" },
        labelText(rows.given[place], "given"),
        element("span", { className: "arrow", textContent: "→" }),
        labelText(rows.suggested[place], "suggested")),
      element("p", { className: "probability" },
        bar,
        element("span", {}, "right with probability ", element("strong", { textContent: percent(share) })),
        element("span", { className: "reason muted", textContent: reasonWords(place) })),
    ];
  }

  function chip(text, kind) {
    return element("span", { className: `chip ${kind}`, textContent: middle(text, 40), title: text });
  }

  function chips(place) {
    const box = element("div", { className: "chips" });
    box.append(element("span", { className: "row-name", textContent: rowName(place), title: "row" }));
    if (rows.flags[place] & IS_NOISE) box.append(chip("flagged", "marked"));
    if (rows.group) box.append(chip(data.groups[rows.group[place]], "group"));
    if (rows.flags[place] & IS_TRUSTED) box.append(chip("trusted", ""));
    if (reviewed.has(place)) box.append(chip(`reviewed: ${className(reviewed.get(place))}`, "good"));
    if (rows.truth && rows.truth[place] >= 0) box.append(chip(`truth: ${className(rows.truth[place])}`, "truth"));
    return box;
  }

  function choice(place, answer, mark, text, title) {
    const button = element("button", { type: "button", title },
      element("span", { className: "sign", textContent: mark, ariaHidden: "true" }),
      element("span", { className: "clip", textContent: middle(text, 20) }));
    button.dataset.answer = String(answer);
    button.addEventListener("click", () => {
      decide(place, answer);
      showDecision(button.closest("li"), place);
    });
    return button;
  }

  function otherClass(place) {
    const select = element("select", { ariaLabel: "Another label is right" }, element("option", { value: "", textContent: "another…" }));
    const fill = () => {
      if (select.options.length > 1) return;
      for (let code = 0; code < data.nClasses; code += 1) {
        if (code !== rows.given[place] && code !== rows.suggested[place]) {
          select.append(element("option", { value: String(code), textContent: className(code) }));
        }
      }
    };
    select.addEventListener("pointerdown", fill);
    select.addEventListener("focus", fill);
    select.fill = fill;
    select.addEventListener("change", () => {
      decide(place, select.value === "" ? null : Number(select.value));
      showDecision(select.closest("li"), place);
    });
    return select;
  }

  function decisionButtons(place) {
    const given = className(rows.given[place]);
    const suggested = className(rows.suggested[place]);
    const box = element("div", { className: "choice decision" },
      choice(place, rows.given[place], "✓", given, `The given label is right: ${given}`),
      choice(place, rows.suggested[place], "→", suggested, `The suggested label is right: ${suggested}`));
    if (data.nClasses > 2) box.append(otherClass(place));
    box.append(choice(place, UNSURE, "?", "can't tell", "I have looked, and can't tell"));
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `The right label of row ${rowName(place)}`);
    return box;
  }

  function showDecision(item, place) {
    const answer = decisions.get(place);
    item.classList.toggle("decided", answer !== undefined);
    for (const button of item.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(button.dataset.answer === String(answer)));
    }
    const select = item.querySelector("select");
    if (select) {
      if (answer !== undefined && answer !== UNSURE) select.fill();
      select.value = answer === undefined || answer === UNSURE ? "" : String(answer);
      if (select.selectedIndex < 0) select.selectedIndex = 0;
      select.classList.toggle("chosen", select.value !== "");
    }
  }

  function rowItem(place) {
    const number = contentOf.get(place);
    const item = element("li", { className: "row card", tabIndex: -1 });
    item.dataset.place = place;
    const picture = number === undefined ? null : thumbnail(place, number);
    if (picture) item.classList.add("with-picture");
    const body = [chips(place), ...verdict(place), values(place), decisionButtons(place)];
    if (picture) item.append(picture);
    item.append(element("div", { className: "row-body" }, ...body.filter(Boolean)));
    showDecision(item, place);
    return item;
  }

  let matched = [];

  function showRows() {
    const start = performance.now();
    matched = matching();
    const nPages = Math.max(1, Math.ceil(matched.length / PAGE_SIZE));
    const page = Math.min(Math.max(1, Number.parseInt(state.page, 10) || 1), nPages);
    state.page = String(page);
    const places = matched.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
    byId("rows").replaceChildren(...places.map(rowItem));
    byId("no-rows").hidden = matched.length > 0;
    const listed = nListed < data.nRows ? `${whole(nListed)} listed` : whole(nListed);
    byId("match-count").textContent = `${nRows(matched.length)} of ${listed}`;
    byId("clear-filters").hidden = FILTERS.every((key) => state[key] === DEFAULTS[key]);
    byId("page-of").textContent = `Page ${whole(page)} of ${whole(nPages)}`;
    byId("previous").disabled = page === 1;
    byId("next").disabled = page === nPages;
    document.documentElement.dataset.filterMs = (performance.now() - start).toFixed(1);
  }

  function turn(by) {
    state.page = String(Number(state.page) + by);
    showRows();
    writeAddress();
    byId("filters").scrollIntoView({ block: "start" });
  }
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));

  function focusRow(item) {
    if (!item) return;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  byId("queue").addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = event.target.closest("li.row");
    if (!item) {
      if (event.key === "j") focusRow(byId("rows").firstElementChild);
      return;
    }
    const place = Number(item.dataset.place);
    const answers = { 1: rows.given[place], 2: rows.suggested[place], 3: UNSURE, 0: null };
    if (event.key === "j") focusRow(item.nextElementSibling);
    else if (event.key === "k") focusRow(item.previousElementSibling);
    else if (event.key in answers) {
      decisions.delete(place);
      decide(place, answers[event.key]);
      showDecision(item, place);
      if (event.key !== "0") focusRow(item.nextElementSibling);
    } else return;
    event.preventDefault();
  });

  /* ---- confusions ---- */

  const more = byId("more-pairs");
  if (more) {
    more.addEventListener("click", () => {
      for (const item of document.querySelectorAll(".pairs .more")) item.hidden = false;
      more.remove();
    });
  }

  const WITH_NUMBERS = 12;
  const matrices = data.matrices;
  let matrixKind = "counts";
  let shownMatrix = null;

  function matrixValue(value) {
    return matrixKind === "counts" ? whole(value) : percent(value);
  }

  function cellWords(row, column, value) {
    const [one, other] = [className(matrices.classes[row]), className(matrices.classes[column])];
    if (matrixKind === "counts") return `Given ${one}, looks like ${other}: ${nRows(value)}`;
    return `Of rows that are ${one}, ${percent(value)} are given ${other}`;
  }

  function showMatrix() {
    if (shownMatrix === matrixKind) return;
    shownMatrix = matrixKind;
    const values = matrices[matrixKind];
    const withNumbers = matrices.classes.length <= WITH_NUMBERS;
    let largest = 0;
    values.forEach((line, row) => line.forEach((value, column) => {
      if (row !== column || matrixKind === "counts") largest = Math.max(largest, value);
    }));
    const head = element("tr", {}, element("td", {}));
    for (const code of matrices.classes) {
      head.append(element("th", { scope: "col", title: className(code) }, element("span", { textContent: middle(className(code), 22) })));
    }
    const table = element("table", { className: withNumbers ? "matrix numbers" : "matrix" },
      element("caption", { className: "visually-hidden", textContent: byId("matrix-words").textContent }),
      element("thead", {}, head));
    const body = element("tbody");
    values.forEach((line, row) => {
      const name = className(matrices.classes[row]);
      const made = element("tr", {}, element("th", { scope: "row", title: name }, element("span", { textContent: middle(name, 30) })));
      line.forEach((value, column) => {
        const cell = element("td", { title: cellWords(row, column, value) });
        cell.dataset.words = cell.title;
        const strength = largest > 0 ? Math.min(1, value / largest) : 0;
        cell.style.setProperty("--strength", `${Math.round(100 * Math.sqrt(strength))}%`);
        if (row === column) cell.className = "diagonal";
        if (value > 0) cell.append(element("span", { className: withNumbers ? "" : "visually-hidden", textContent: matrixValue(value) }));
        made.append(cell);
      });
      body.append(made);
    });
    table.append(body);
    byId("matrix").replaceChildren(table);
    const part = matrices.classes.length < matrices.nClasses ? ` Shown are the ${matrices.classes.length} of ${whole(matrices.nClasses)} classes that are confused most.` : "";
    byId("matrix-words").textContent = (matrixKind === "counts"
      ? "Flagged rows: down the given label, across the label that the row looks like."
      : "The estimated transition matrix: down the true class, across the label that it was given. On the diagonal the share that was labelled rightly.") + part;
    for (const kind of ["counts", "transition"]) byId(`matrix-${kind}`).setAttribute("aria-pressed", String(kind === matrixKind));
  }

  for (const kind of ["counts", "transition"]) {
    byId(`matrix-${kind}`).addEventListener("click", () => {
      matrixKind = kind;
      showMatrix();
    });
  }
  for (const name of ["pointerover", "click"]) {
    byId("matrix").addEventListener(name, (event) => {
      const cell = event.target.closest("td");
      if (cell && cell.dataset.words) byId("matrix-cell").textContent = cell.dataset.words;
    });
  }

  /* ---- the columns ---- */

  function showTableReport() {
    const frame = byId("table-report");
    if (frame && data.table && !frame.srcdoc) frame.srcdoc = data.table;
  }

  /* ---- the start ---- */

  function showAll() {
    showFilters();
    showRows();
    showTab(state.tab);
    writeAddress();
  }

  readDecisions();
  fillFilters();
  showDecided();
  readAddress(location.hash.slice(1));
  showAll();
  window.addEventListener("hashchange", () => {
    readAddress(location.hash.slice(1));
    showAll();
  });
  // What sorting and searching will ask for is got ready while nothing else is to be done.
  const chores = [...Object.keys(SORTS).map((name) => () => order(name)), searchedTexts];
  const later = window.requestIdleCallback || ((task) => setTimeout(task, 50));
  (function next() {
    const chore = chores.shift();
    if (chore) later(() => { chore(); next(); });
  })();
  document.documentElement.dataset.openMs = performance.now().toFixed(1);
})();
