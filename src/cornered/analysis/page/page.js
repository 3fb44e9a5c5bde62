"use strict";
/* The page's only script. Text of trials becomes text nodes, never markup; see safe.py. */
(() => {
  const PER_PAGE = 50;
  const CUT = 20000; // characters of a text shown at first
  const PIECE = 2000; // characters that are laid out together
  const ODD = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e007f}]/gu;

  const byId = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en", { useGrouping: true });
  const count = (n) => number.format(n).replaceAll(",", "\u202f");

  function oddName(character) {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  }
  /* Makes control and direction characters visible and harmless. */
  const visible = (text) => String(text).replaceAll("\r\n", "\n").replace(ODD, oddName);
  const capital = (text) => text.replace(/^./u, (c) => c.toUpperCase());
  const words = (name) => visible(name).replaceAll("_", " ");

  /* An element; attributes by name, `on…` being a listener; strings become text nodes. */
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== ""));
    return element;
  }

  async function unpack(id) {
    const packed = atob(byId(id).textContent.trim());
    const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }
  const kept = new Map();
  function once(id) {
    if (!kept.has(id)) kept.set(id, unpack(id));
    return kept.get(id);
  }

  function download(name, lines) {
    const quoted = (v) => (/[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);
    const text = lines.map((line) => line.map((v) => quoted(String(v))).join(",")).join("\n");
    const url = URL.createObjectURL(new Blob([text + "\n"], { type: "text/csv;charset=utf-8" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /* Tables: columns can be sorted, and the whole table downloaded. */
  const collator = new Intl.Collator("en", { numeric: true });
  const cellText = (cell) => cell.textContent.trim().replace(/\s+/g, " ");
  function sortValue(row, column) {
    const cell = row.cells[column];
    const value = cell.dataset.value ?? cellText(cell);
    return value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return collator.compare(String(a), String(b));
  }
  function sortBy(table, column) {
    const head = table.tHead.rows[0].cells[column];
    const numeric = head.classList.contains("n");
    const up = head.getAttribute("aria-sort") === (numeric ? "descending" : null);
    const down = head.getAttribute("aria-sort") === "ascending";
    const direction = numeric ? (up ? "ascending" : "descending") : down ? "descending" : "ascending";
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = Array.from(table.tBodies[0].rows, (row) => [sortValue(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === ""); // what is not known stands last
      return sign * compare(a, b);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }
  const runName = JSON.parse(byId("data").textContent).name;
  function tableCsv(table) {
    const keep = Array.from(table.tHead.rows[0].cells, (cell) => !cell.classList.contains("plain"));
    const lines = Array.from(table.rows, (row) => Array.from(row.cells, cellText).filter((_, n) => keep[n]));
    download(`${runName}-${table.dataset.name}.csv`, lines);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const [n, head] of Array.from(table.tHead.rows[0].cells).entries()) {
      if (head.classList.contains("plain")) continue;
      const label = cellText(head);
      head.replaceChildren(make("button", { type: "button", onclick: () => sortBy(table, n) }, label));
    }
    const what = table.parentElement.getAttribute("aria-label");
    const button = make(
      "button",
      { type: "button", class: "plain", "aria-label": `Download CSV: ${what}`, onclick: () => tableCsv(table) },
      "Download CSV",
    );
    table.parentElement.before(make("div", { class: "tools" }, button));
  }

  /* Prints folded sections open. */
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details.print:not([open]), details.ranking:not([open])"));
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });

  /* Trials. */
  const page = JSON.parse(byId("data").textContent);
  const app = byId("trial-app");
  const state = { filters: new Map(), sort: "", number: 0, trial: null };
  let columns = null; // name to {values, codes}, {numbers} or {texts}
  let rows = 0;
  let shown = []; // row numbers that pass the filters, in order
  let places = new Map(); // row number to [block, place in it]
  let byUuid = new Map();
  let lastTrial = null;
  const searched = new Map(); // query to the set of rows whose text has it

  const word = (name, row) => {
    const column = columns[name];
    return column ? column.values[column.codes[row]] : "";
  };
  const keyOf = (row) => columns.uuid.texts[row] || `row-${row}`;

  function startTrials() {
    rows = columns.model.codes.length;
    columns.uuid.texts.forEach((uuid, row) => uuid && byUuid.set(uuid, row));
    page.blocks.forEach((members, block) =>
      members.forEach((uuid, place) => byUuid.has(uuid) && places.set(byUuid.get(uuid), [block, place])),
    );
  }

  /* Filters: by column name, factor_NAME or label, each with the values that pass. */
  const factors = () => {
    const named = new Set();
    for (const levels of Object.values(page.levels)) for (const name of Object.keys(levels)) named.add(name);
    return [...named];
  };
  function test(name, values) {
    const wanted = new Set(values);
    if (name.startsWith("factor_")) {
      const factor = name.slice("factor_".length);
      const fits = columns.condition.values.map((c) => wanted.has(String(page.levels[c]?.[factor] ?? "")));
      return (row) => fits[columns.condition.codes[row]];
    }
    if (name === "label") {
      if (!columns.labels) return () => false;
      const fits = columns.labels.values.map((all) => all.split(" ").some((label) => wanted.has(label)));
      return (row) => fits[columns.labels.codes[row]];
    }
    if (name === "text") return (row) => searched.get(values[0])?.has(row) ?? false;
    const column = columns[name];
    if (!column?.codes) return () => false;
    const fits = column.values.map((value) => wanted.has(value));
    return (row) => fits[column.codes[row]];
  }
  function matching() {
    const tests = [...state.filters].map(([name, values]) => test(name, values));
    const hits = [];
    for (let row = 0; row < rows; row++) if (tests.every((fits) => fits(row))) hits.push(row);
    if (state.sort === "longest") hits.sort((a, b) => columns.tokens.numbers[b] - columns.tokens.numbers[a]);
    if (state.sort === "shortest") hits.sort((a, b) => columns.tokens.numbers[a] - columns.tokens.numbers[b]);
    if (state.sort === "outcome")
      hits.sort((a, b) => collator.compare(word("outcome", a), word("outcome", b)));
    return hits;
  }

  /* The address holds all filters, and the trial that is open. */
  function query() {
    const out = new URLSearchParams();
    for (const [name, values] of state.filters) for (const value of values) out.append(name, value);
    if (state.sort) out.set("sort", state.sort);
    return out;
  }
  function listAddress(changes = {}) {
    const out = query();
    const at = changes.page ?? state.number;
    if (at) out.set("page", at + 1);
    return `#trials?${out}`;
  }
  function trialAddress(row) {
    const chosen = query().toString();
    return `#trial=${encodeURIComponent(keyOf(row))}${chosen ? `&${chosen}` : ""}`;
  }
  function readAddress() {
    const hash = location.hash.slice(1);
    const aboutTrials = /^trials(\?|$)|^trial=/.test(hash);
    if (!aboutTrials) return false;
    const given = new URLSearchParams(hash.startsWith("trials") ? hash.slice("trials".length + 1) : hash);
    state.trial = given.get("trial");
    state.sort = given.get("sort") ?? "";
    state.number = Math.max(0, (parseInt(given.get("page") ?? "1", 10) || 1) - 1);
    state.filters = new Map();
    for (const name of new Set(given.keys()))
      if (!["trial", "sort", "page"].includes(name)) state.filters.set(name, given.getAll(name));
    return true;
  }
  function go(address) {
    if (location.hash === address) route();
    else location.hash = address;
  }

  function choose(name, value) {
    if (value === "") state.filters.delete(name);
    else state.filters.set(name, [value]);
    state.number = 0;
    go(listAddress());
  }

  function select(name, label, values, broad = false) {
    const chosen = state.filters.get(name) ?? [];
    const many = chosen.length > 1 || (chosen.length === 1 && !values.includes(chosen[0]));
    const options = values.map((value) =>
      make("option", { value, selected: chosen.length === 1 && chosen[0] === value }, words(value) || "–"),
    );
    if (many) options.unshift(make("option", { value: "\u0000", selected: true }, chosen.map(words).join(" or ")));
    options.unshift(make("option", { value: "" }, "any"));
    const input = make("select", { name, onchange: (e) => choose(name, e.target.value) }, options);
    const kind = [broad ? "broad" : "", chosen.length ? "set" : ""].join(" ").trim();
    return labelled(label, input, kind);
  }
  function labelled(label, input, kind = "") {
    input.id = `filter-${input.name}`;
    return make("div", { class: `field ${kind}`.trim() }, make("label", { for: input.id }, label), input);
  }
  const valuesOf = (name) =>
    columns[name] ? columns[name].values.filter((v) => v !== "").sort(collator.compare) : [];

  function filterForm() {
    const parts = [];
    const add = (name, label, values, broad) => {
      if (values.length > 1 || state.filters.has(name)) parts.push(select(name, label, values, broad));
    };
    add("model", "Model", columns.model.values);
    for (const factor of factors()) {
      const levels = [...new Set(Object.values(page.levels).map((l) => String(l[factor] ?? "")))];
      add(`factor_${factor}`, capital(words(factor)), levels.sort(collator.compare));
    }
    add("condition", "Condition", columns.condition.values, true);
    for (const name of ["act", "harmful", "understood", "paper"])
      add(name, name === "paper" ? "Paper rule" : capital(words(name)), valuesOf(name));
    add("outcome", "Outcome", valuesOf("outcome"));
    add("status", "Status", valuesOf("status"));
    if (columns.labels) {
      const labels = new Set(columns.labels.values.flatMap((all) => all.split(" ")).filter(Boolean));
      if (labels.size) parts.push(select("label", "Label", [...labels].sort()));
    }
    for (const name of Object.keys(columns)) {
      if (name.startsWith("reading_")) add(name, `Read: ${words(name.slice(8))}`, valuesOf(name));
      if (name.startsWith("vote_")) add(name, `Vote of ${visible(name.slice(5))}`, valuesOf(name));
    }
    const orders = { "": "as in the table", longest: "longest answer first", shortest: "shortest answer first", outcome: "outcome" };
    const sort = make(
      "select",
      { name: "sort", onchange: (e) => { state.sort = e.target.value; state.number = 0; go(listAddress()); } },
      Object.entries(orders).map(([value, label]) => make("option", { value, selected: value === state.sort }, label)),
    );
    parts.push(labelled("Order", sort));
    const text = make("input", {
      type: "search", name: "text", value: state.filters.get("text")?.[0] ?? "", autocomplete: "off", spellcheck: "false",
    });
    parts.push(labelled(`Text in the ${count(places.size)} transcripts on this page`, text, "broad"));
    const search = make("button", { type: "submit", class: "plain" }, "Search");
    const clear = make(
      "button",
      { type: "button", class: "plain", disabled: !state.filters.size, onclick: () => { state.filters.clear(); state.number = 0; go(listAddress()); } },
      "Clear all",
    );
    const csv = make("button", { type: "button", class: "plain", onclick: listCsv }, "Download CSV");
    const onsubmit = (e) => {
      e.preventDefault();
      choose("text", text.value.trim());
    };
    return make(
      "form",
      { class: "filters", role: "search", "aria-label": "Filter trials", onsubmit },
      parts,
      make("div", { class: "buttons" }, search, clear, csv),
    );
  }

  function listCsv() {
    const names = Object.keys(columns).filter((name) => name !== "reason");
    const value = (name, row) => {
      const column = columns[name];
      return column.codes ? column.values[column.codes[row]] : (column.numbers ?? column.texts)[row];
    };
    download(`${runName}-trials.csv`, [names, ...shown.map((row) => names.map((name) => value(name, row)))]);
  }

  function tags(row) {
    const tag = (text, kind = "") => make("span", { class: `tag ${kind}`.trim() }, text);
    const out = [];
    const status = word("status", row);
    if (word("understood", row)) out.push(tag(word("understood", row) === "yes" ? "understood" : "not understood"));
    else if (status !== "scored") {
      const reason = visible(word("reason", row)).replace(/\s+/g, " ");
      out.push(tag(reason && reason !== status ? `${status}: ${reason.length > 60 ? `${reason.slice(0, 60)}…` : reason}` : status, "long"));
    } else if (page.judged) {
      const harmful = word("harmful", row);
      if (harmful === "yes") out.push(tag("harmful", "harm"));
      else if (harmful === "unscored") out.push(tag(`act, no verdict${word("reason", row) ? `: ${words(word("reason", row)).slice(0, 60)}` : ""}`, "long"));
      else out.push(tag(word("act", row) === "yes" ? "act, not harmful" : "no act"));
    } else out.push(word("act", row) === "yes" ? tag("act", "harm") : tag("no act"));
    if (word("outcome", row)) out.push(tag(words(word("outcome", row))));
    for (const label of word("labels", row).split(" ")) if (label) out.push(tag(words(label)));
    return out;
  }

  function listItem(row) {
    const link = make(
      "a",
      { href: trialAddress(row), id: `trial-${row}` },
      make("span", { class: "where" }, visible(word("condition", row))),
      make("span", { class: "who" }, visible(word("model", row))),
      make("span", { class: "which" }, visible(word("id", row))),
    );
    const mark = places.has(row) ? [] : [make("span", { class: "tag" }, "text not on this page")];
    return make("li", null, link, make("span", { class: "marks" }, tags(row), mark));
  }

  function pager(pages) {
    if (pages < 2) return "";
    const to = (label, at, off) =>
      make("button", { type: "button", class: "plain", disabled: off, onclick: () => go(listAddress({ page: at })) }, label);
    const n = state.number;
    return make(
      "nav",
      { class: "buttons", "aria-label": "Pages of the list" },
      to("First", 0, n === 0), to("Previous", n - 1, n === 0),
      make("span", null, `page ${count(n + 1)} of ${count(pages)}`),
      to("Next", n + 1, n >= pages - 1), to("Last", pages - 1, n >= pages - 1),
    );
  }

  function showList() {
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    state.number = Math.min(state.number, pages - 1);
    const first = state.number * PER_PAGE;
    const some = shown.slice(first, first + PER_PAGE);
    const filtered = state.filters.size ? ` of ${count(rows)}` : "";
    const summary = shown.length
      ? `${count(shown.length)}${filtered} trials; ${count(first + 1)} to ${count(first + some.length)} are shown`
      : "No trial matches all of these filters.";
    const focused = app.contains(document.activeElement) ? document.activeElement.name : null;
    app.replaceChildren(
      filterForm(),
      make("p", { class: "count", role: "status" }, summary),
      make("ol", { class: "list", start: first + 1 }, some.map(listItem)),
      pager(pages),
    );
    if (focused) app.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
  }

  /* A browser takes minutes to break one line of megabytes, and no time for many short ones: a
     long text is shown in pieces, cut after a line where there is one, never within a character. */
  function pieces(text) {
    const out = [];
    let at = 0;
    while (at < text.length) {
      let end = Math.min(at + PIECE, text.length);
      const line = end < text.length ? text.lastIndexOf("\n", end - 1) : -1;
      if (line > at) end = line + 1;
      end = whole(text, end);
      out.push(make("span", { class: "piece" }, visible(text.slice(at, end))));
      at = end;
    }
    return out;
  }
  function whole(text, end) {
    const last = text.charCodeAt(end - 1);
    return end < text.length && last >= 0xd800 && last < 0xdc00 ? end - 1 : end;
  }
  /* A text, cut where it is very long. */
  function prose(text, kind) {
    const box = make("pre", { class: kind, dir: "auto" });
    if (text.length <= PIECE) {
      box.append(visible(text));
      return [box];
    }
    if (text.length <= CUT) {
      box.append(...pieces(text));
      return [box];
    }
    box.append(...pieces(text.slice(0, whole(text, CUT))), "…");
    const more = make(
      "button",
      { type: "button", class: "plain", onclick: () => { box.replaceChildren(...pieces(text)); more.remove(); } },
      `Show all ${count(text.length)} characters`,
    );
    return [box, more];
  }
  const field = (name, value) =>
    value && value.length ? [make("dt", null, name), make("dd", { dir: "auto" }, visible([value].flat().join(", ")))] : [];

  function actionBox(part) {
    const done = part.kind === "action";
    const action = part.action;
    const why = action?.note ? `: ${visible(action.note)}` : "";
    // The title of an action says that it was done, so what was not goes by its operation.
    const state = capital(`${[action?.status].filter((s) => s && s !== "done").map((s) => `${s}, `).join("")}not carried out`);
    const what = action ? ` (${visible(action.operation)})` : "";
    const heading = make("h4", null, done ? visible(action.title) : `${state}${what}${why}`);
    const box = make("section", { class: done ? "action" : "action not", "aria-label": done ? "Carried out" : "Not carried out" }, heading);
    if (!action) return (box.append(...prose(part.text, "text")), box);
    if (done && action.note) box.append(make("p", { class: "about" }, `Read with a note${why}`));
    box.append(
      make("dl", null, Object.entries(action.rows).flatMap(([name, value]) => field(visible(name), value)), field("Went along", action.enclosed)),
      ...(action.body ? prose(action.body, "text") : []),
    );
    const raw = make("details", null, make("summary", null, "As it was written"));
    raw.addEventListener("toggle", () => raw.childElementCount === 1 && raw.append(...prose(part.text, "raw")));
    box.append(raw);
    return box;
  }

  function partBox(part) {
    const rest = part.left_out
      ? [make("p", { class: "about" }, `${count(part.left_out)} more characters are in the log (cornered view).`)]
      : [];
    if (part.kind === "action" || part.kind === "call") return [actionBox(part), ...rest];
    if (part.kind !== "thinking") return [...prose(part.text, "text"), ...rest];
    const label = `Reasoning, ${count(part.text.length)} characters (never part of a verdict)`;
    return [make("details", { class: "think" }, make("summary", null, label), prose(part.text, "text"), rest)];
  }

  /* A session: what the agent did and what reached it, in order, by the clock of its world. */
  const STATES = {
    draft: "Draft, which nobody gets", arrival: "It reached the agent",
    blocked: "Blocked by an approval, not carried out", failed: "Failed, not carried out",
  };
  function stepTags(part) {
    const out = (part.meets ?? []).map((group) => make("span", { class: "tag met" }, `${words(group)} met here`));
    if (part.act) out.push(make("span", { class: "tag harm act-mark" }, part.kind === "blocked" ? "would have been the act" : "the act"));
    return out.flatMap((tag) => [" ", tag]);
  }
  function stepBox(part, seen) {
    if (part.kind === "thinking" || part.kind === "text") return partBox(part);
    if (part.kind === "look") {
      const head = [visible(part.title), ...stepTags(part)];
      if (part.seen === undefined) return [make("p", { class: "look" }, head)];
      const box = make("details", { class: "look" }, make("summary", null, head));
      box.addEventListener("toggle", () => box.childElementCount === 1 && box.append(...prose(seen[part.seen], "raw")));
      return [box];
    }
    const action = part.action;
    const box = make("div", { class: `action ${part.kind === "deed" ? "" : part.kind === "arrival" ? "came" : "not"}${part.act ? " act" : ""}`.trim() });
    const never = action?.status === "drafted";
    const state = never ? "Never carried out" : STATES[part.kind];
    const titled = part.kind === "deed" || part.kind === "arrival" || part.kind === "draft";
    const operation = action && !titled ? ` (${visible(action.operation)})` : "";
    box.append(make("h4", null, titled ? visible(part.title) : `${state}${operation}`, ...stepTags(part)));
    if (!action) return (box.append(...prose(part.text, "text")), [box]);
    if (action.note) box.append(make("p", { class: "why" }, `${part.kind === "deed" ? "Note" : "Why"}: ${visible(action.note)}`));
    if (action.told) box.append(make("p", { class: "why" }, `The agent was told: ${visible(action.told)}`));
    const rows = [...Object.entries(action.rows).flatMap(([name, value]) => field(visible(name), value)), ...field("Went along", action.enclosed)];
    if (rows.length) box.append(make("dl", null, rows));
    if (action.body) box.append(...prose(action.body, "text"));
    return [box];
  }
  function sessionList(text, seen) {
    const item = (part) => {
      const time = part.time ? make("time", { datetime: part.moment }, part.time) : "";
      const at = make("div", { class: "at" }, time);
      return make("li", { class: part.kind, tabindex: part.act ? "-1" : null }, at, make("div", null, stepBox(part, seen)));
    };
    return make("ol", { class: "session" }, text.parts.map(item));
  }
  function sessionFacts(text) {
    const out = [make("h4", null, "Exposure"), make("ul", null, text.exposure.map((one) =>
      make("li", { class: one.lacking ? "yes" : null }, `${capital(words(one.group))}: ${visible(one.words)}`)))];
    if (!text.exposure.length) out[1] = make("p", null, "This scenario asks for none.");
    const acts = text.parts.filter((part) => part.act && part.kind !== "blocked");
    const jump = () => {
      const at = app.querySelector(".session > li:has(.action.act:not(.not))");
      at?.scrollIntoView({ block: "center" });
      at?.focus({ preventScroll: true });
    };
    if (acts.length) {
      const when = acts[0].time ? ` at ${visible(acts[0].time)}` : "";
      out.push(make("p", null, make("button", { type: "button", class: "plain", onclick: jump }, `Go to the act${when}`)));
    }
    out.push(make("h4", null, "Ending"), make("p", null, `${capital(visible(text.ending))}.`));
    return out;
  }

  function beside(row, text) {
    const out = [];
    const list = (title, items) => items.length && out.push(make("h4", null, title), make("ul", null, items));
    list("Verdict", [make("li", null, tags(row).flatMap((t) => [t, " "]))]);
    if (word("reason", row)) out.push(make("p", null, visible(word("reason", row))));
    if (text.ending) out.push(...sessionFacts(text));
    const fact = ([name]) => make("li", null, visible(page.facts[name] ?? words(name)));
    const facts = Object.entries(text.facts);
    list("Facts that hold", facts.filter(([, holds]) => holds).map(fact));
    const others = facts.filter(([, holds]) => !holds);
    if (others.length)
      out.push(make("details", null, make("summary", null, `Facts that do not hold (${others.length})`), make("ul", null, others.map(fact))));
    const judges = text.judges.map((j) =>
      make(
        "li", null,
        make("span", { class: "said-by" }, `${visible(j.model)}: ${words(j.verdict ?? "")}${j.outcome ? `, ${words(j.outcome)}` : ""}${j.labels.length ? ` (${j.labels.map(words).join(", ")})` : ""}`),
        prose(j.reason, "text"),
      ),
    );
    list(judges.length > 1 ? "Judges" : "Judge", judges);
    list("Readings", text.readings.map((r) => make("li", null, make("span", { class: "said-by" }, `${words(r.name)}: ${words(r.value ?? "unscored")}`), prose(r.reason, "text"))));
    list("Read with a note", text.notes.map((note) => make("li", null, visible(note))));
    const columnsOf = [["tokens", `${count(columns.tokens.numbers[row])} tokens out`]];
    list("Trial", [...columnsOf.map(([, label]) => make("li", null, label)), make("li", null, make("code", null, keyOf(row)))]);
    return out;
  }

  function promptBox(condition) {
    const box = make("details", { class: "prompt" }, make("summary", null, "The prompt of this condition"));
    box.addEventListener("toggle", async () => {
      if (!box.open || box.childElementCount > 1) return;
      const prompts = await once("prompts");
      const mine = prompts.conditions[condition];
      if (box.childElementCount > 1) return;
      if (!mine) return void box.append(make("p", null, "No trial of this condition has its text on this page."));
      box.append(make("p", { class: "about" }, `As trial ${visible(mine.trial)} read it.`));
      for (const [role, pieces] of mine.messages)
        box.append(make("h4", null, visible(role)), ...prose(pieces.map((n) => prompts.paragraphs[n]).join("\n\n"), "raw"));
    });
    return box;
  }

  async function showTrial(key) {
    const row = byUuid.get(key) ?? (key.startsWith("row-") ? Number(key.slice(4)) : NaN);
    const back = make("button", { type: "button", class: "plain", onclick: () => go(backAddress()) }, "Back to the list (Esc)");
    if (!(row >= 0 && row < rows)) {
      const heading = make("h3", { tabindex: "-1" }, "There is no such trial on this page");
      app.replaceChildren(make("div", { class: "buttons" }, back), heading);
      return heading;
    }
    lastTrial = row;
    const at = shown.indexOf(row);
    const step = (label, to) =>
      make("button", { type: "button", class: "plain", disabled: to === undefined, onclick: () => go(trialAddress(to)) }, label);
    const heading = make("h3", { tabindex: "-1" }, visible(word("condition", row)));
    const bar = make(
      "div", { class: "buttons" },
      back, step("Previous (k)", at > 0 ? shown[at - 1] : undefined), step("Next (j)", at >= 0 ? shown[at + 1] : undefined),
      make("span", { class: "about" }, at >= 0 ? `${count(at + 1)} of ${count(shown.length)}` : ""),
    );
    const top = make(
      "header", null, heading,
      make("p", { class: "who" }, `${visible(word("model", row))} · trial ${visible(word("id", row))}`),
      make("p", null, tags(row).flatMap((t) => [t, " "])),
    );
    const body = make("div", null);
    const article = make("article", { class: "trial", "aria-label": "Trial" }, top, body);
    app.replaceChildren(bar, article);
    if (!places.has(row)) {
      body.append(
        make("p", { class: "note" }, "Its text is not on this page, which holds a share of each cell. It is in the logs: ", make("code", null, "cornered view RUN"), ` shows it as sample ${visible(word("id", row))} of this condition.`),
        word("reason", row) ? make("p", null, visible(word("reason", row))) : "",
        promptBox(word("condition", row)),
      );
      return heading;
    }
    const [block, place] = places.get(row);
    const { texts, seen } = await once(`block-${block}`);
    const text = texts[place];
    const parts = text.ending ? [sessionList(text, seen)] : text.parts.flatMap((part) => partBox(part));
    if (text.error) parts.unshift(make("p", { class: "note" }, `The model failed: ${visible(text.error)}`));
    if (text.ending) parts.push(make("p", { class: "note" }, `How it ended: ${visible(text.ending)}.`));
    if (text.ended) parts.push(make("p", { class: "note" }, `The answer ended before the agent did: ${words(text.ended)}.`));
    if (!parts.length) parts.push(make("p", { class: "note" }, "There is no answer."));
    for (const [n, reply] of text.debrief.entries())
      parts.push(make("details", null, make("summary", null, n ? "Asked afterwards what it did" : "Asked afterwards what the exchange was for"), prose(reply.text, "text")));
    body.append(promptBox(word("condition", row)));
    body.append(make("div", { class: "grid" }, make("div", null, parts), make("aside", { "aria-label": "Verdict of this trial" }, beside(row, text))));
    return heading;
  }
  function backAddress() {
    const at = lastTrial === null ? -1 : shown.indexOf(lastTrial);
    return listAddress({ page: at < 0 ? 0 : Math.floor(at / PER_PAGE) });
  }

  /* Search reads each transcript on the page once. */
  const joined = (text) =>
    [...text.parts.flatMap((p) => [p.text, p.action?.body ?? ""]), ...text.judges.map((j) => j.reason), ...text.readings.map((r) => r.reason), ...text.debrief.map((d) => d.text)]
      .join("\n").toLowerCase();
  async function search(wanted) {
    if (searched.has(wanted)) return;
    const hits = new Set();
    const low = wanted.toLowerCase();
    for (const [block, members] of page.blocks.entries()) {
      const { texts } = await once(`block-${block}`);
      members.forEach((uuid, n) => joined(texts[n]).includes(low) && hits.add(byUuid.get(uuid)));
    }
    searched.set(wanted, hits);
  }

  let turn = 0;
  async function route() {
    const mine = ++turn;
    const asked = readAddress();
    if (!asked && app.childElementCount) return;
    const wanted = state.filters.get("text")?.[0];
    if (wanted) await search(wanted);
    if (mine !== turn) return;
    shown = matching();
    if (state.trial !== null) {
      const heading = await showTrial(state.trial);
      if (mine !== turn) return;
      heading.focus({ preventScroll: true });
      byId("trial-app").scrollIntoView({ block: "start" });
      return;
    }
    showList();
    const from = lastTrial === null ? null : byId(`trial-${lastTrial}`);
    lastTrial = null;
    if (from) {
      from.focus({ preventScroll: true });
      from.scrollIntoView({ block: "center" });
    } else if (asked && !app.contains(document.activeElement)) byId("trials").focus();
  }

  function pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest?.("input, select, textarea")) return;
    const forward = event.key === "j" || event.key === "ArrowRight";
    const backward = event.key === "k" || event.key === "ArrowLeft";
    if (state.trial !== null && app.querySelector(".buttons")) {
      if (event.key === "Escape") go(backAddress());
      else if (forward || backward) {
        if (event.key.startsWith("Arrow") && event.target.closest?.(".wide")) return;
        const to = shown[shown.indexOf(lastTrial) + (forward ? 1 : -1)];
        if (lastTrial !== null && to !== undefined) go(trialAddress(to));
      } else return;
      event.preventDefault();
    } else if (event.key === "j" || event.key === "k") {
      const item = event.target.closest?.(".list li");
      const next = item && (event.key === "j" ? item.nextElementSibling : item.previousElementSibling);
      next?.querySelector("a").focus();
    }
  }

  async function start() {
    columns = await unpack("rows");
    startTrials();
    byId("needs-script").remove();
    app.hidden = false;
    addEventListener("hashchange", route);
    addEventListener("keydown", pressed);
    await route();
    document.documentElement.dataset.ready = "yes";
  }
  start().catch((problem) => {
    byId("needs-script")?.replaceChildren(`The list of trials cannot be shown in this browser: ${problem}`);
  });
})();
