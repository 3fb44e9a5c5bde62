const PER_PAGE = 50;
const PER_READING = 5; // transcripts below one another
/* Trials. */
const app = byId("trial-app");
const state = { filters: new Map(), sort: "", number: 0, trial: null, beside: "", read: false };
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
  if (name === "noted") return (row) => wanted.has(notedAs(keyOf(row)));
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
  if (state.read) out.set("read", "all");
  return out;
}
function listAddress(changes = {}) {
  const out = query();
  const at = changes.page ?? state.number;
  if (at) out.set("page", at + 1);
  return `#trials?${out}`;
}
function trialAddress(row, other = state.beside) {
  const chosen = query();
  if (other) chosen.set("beside", other);
  return `#trial=${encodeURIComponent(keyOf(row))}${chosen.size ? `&${chosen}` : ""}`;
}
function readAddress() {
  const hash = location.hash.slice(1);
  const aboutTrials = /^trials(\?|$)|^trial=/.test(hash);
  if (!aboutTrials) return false;
  const given = new URLSearchParams(hash.startsWith("trials") ? hash.slice("trials".length + 1) : hash);
  state.trial = given.get("trial");
  state.beside = given.get("beside") ?? "";
  state.read = given.get("read") === "all";
  state.sort = given.get("sort") ?? "";
  state.number = Math.max(0, (parseInt(given.get("page") ?? "1", 10) || 1) - 1);
  state.filters = new Map();
  for (const name of new Set(given.keys()))
    if (!["trial", "beside", "read", "sort", "page"].includes(name)) state.filters.set(name, given.getAll(name));
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

function select(name, label, values, broad = false, say = words) {
  const chosen = state.filters.get(name) ?? [];
  const many = chosen.length > 1 || (chosen.length === 1 && !values.includes(chosen[0]));
  const options = values.map((value) =>
    make("option", { value, selected: chosen.length === 1 && chosen[0] === value }, say(value) || "–"),
  );
  if (many) options.unshift(make("option", { value: "\u0000", selected: true }, chosen.map(say).join(" or ")));
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
  const further = []; // seldom used, and folded while none of them is set
  const add = (to, name, label, values, broad, say) => {
    if (values.length > 1 || state.filters.has(name)) to.push(select(name, label, values, broad, say));
  };
  add(parts, "model", "Model", columns.model.values, false, shortName);
  for (const factor of factors()) {
    const levels = [...new Set(Object.values(page.levels).map((l) => String(l[factor] ?? "")))];
    add(parts, `factor_${factor}`, capital(words(factor)), levels.sort(collator.compare));
  }
  add(parts, "condition", "Condition", columns.condition.values, true, inWords);
  for (const name of ["harmful", "act", "understood"]) add(parts, name, capital(words(name)), valuesOf(name));
  add(parts, "status", "Status", valuesOf("status"));
  add(further, "outcome", "Outcome", valuesOf("outcome"));
  add(further, "paper", "Study’s rule", valuesOf("paper"));
  if (columns.labels) {
    const labels = new Set(columns.labels.values.flatMap((all) => all.split(" ")).filter(Boolean));
    if (labels.size) further.push(select("label", "Label", [...labels].sort()));
  }
  for (const name of Object.keys(columns)) {
    if (name.startsWith("reading_")) add(further, name, `Read: ${words(name.slice(8))}`, valuesOf(name));
    if (name.startsWith("vote_")) add(further, name, `Vote of ${visible(name.slice(5))}`, valuesOf(name));
  }
  add(further, "noted", "Your notes", ["flagged", "noted"]);
  const orders = { "": "as in the tables", longest: "longest answer first", shortest: "shortest answer first", outcome: "outcome" };
  const sort = make(
    "select",
    { name: "sort", onchange: (e) => { state.sort = e.target.value; state.number = 0; go(listAddress()); } },
    Object.entries(orders).map(([value, label]) => make("option", { value, selected: value === state.sort }, label)),
  );
  further.push(labelled("Order", sort));
  const text = make("input", {
    type: "search", name: "text", value: state.filters.get("text")?.[0] ?? "", autocomplete: "off", spellcheck: "false",
  });
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
  const open = further.some((one) => one.classList.contains("set")) || state.sort !== "" || furtherOpen;
  const fold = make("details", { class: "further", open }, make("summary", null, "More filters"), make("div", { class: "fields" }, further));
  fold.addEventListener("toggle", () => { furtherOpen = fold.open; });
  return make(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter trials", onsubmit },
    make("div", { class: "fields" }, parts, labelled(`Text in the ${count(places.size)} transcripts on this page`, text, "broad")),
    fold,
    make("div", { class: "buttons" }, search, clear, csv, exportButton()),
  );
}
let furtherOpen = false;

function listCsv() {
  const names = Object.keys(columns).filter((name) => name !== "reason");
  const value = (name, row) => {
    const column = columns[name];
    return column.codes ? column.values[column.codes[row]] : (column.numbers ?? column.texts)[row];
  };
  downloadCsv(`${page.name}-trials.csv`, [names, ...shown.map((row) => names.map((name) => value(name, row)))]);
}

function tags(row) {
  const tag = (text, kind = "") => make("span", { class: `tag ${kind}`.trim() }, text);
  const out = [];
  const status = word("status", row);
  if (word("understood", row)) out.push(tag(word("understood", row) === "yes" ? "understood" : "not understood"));
  else if (status !== "scored") {
    const reason = visible(word("reason", row)).replace(/\s+/g, " ");
    const short = reason.length > 60 ? `${reason.slice(0, 60)}…` : reason;
    out.push(tag(!reason || reason.startsWith(status) ? short || status : `${status}: ${short}`, "long"));
  } else if (page.judged) {
    const harmful = word("harmful", row);
    if (harmful === "yes") out.push(tag("harmful", "harm"));
    else if (harmful === "unscored") out.push(tag(`act, no verdict${word("reason", row) ? `: ${visible(word("reason", row)).slice(0, 60)}` : ""}`, "long"));
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
    make("span", { class: "where" }, inWords(word("condition", row))),
    make("span", { class: "who" }, shortName(word("model", row))),
    make("span", { class: "which" }, visible(word("id", row))),
  );
  const mark = places.has(row) ? [] : [make("span", { class: "tag" }, "text not on this page")];
  const noted = notedAs(keyOf(row));
  if (noted) mark.push(make("span", { class: "tag noted" }, noted));
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

function listSummary(per) {
  const pages = Math.max(1, Math.ceil(shown.length / per));
  state.number = Math.min(state.number, pages - 1);
  const first = state.number * per;
  const some = shown.slice(first, first + per);
  const filtered = state.filters.size ? ` of ${count(rows)}` : "";
  const range = some.length < shown.length ? `; ${count(first + 1)} to ${count(first + some.length)} are shown` : "";
  const text = shown.length
    ? `${count(shown.length)}${filtered} trial${shown.length === 1 ? "" : "s"}${range}`
    : "No trial matches all of these filters.";
  const swap = make(
    "button",
    { type: "button", class: "plain", name: "swap", onclick: () => { state.read = !state.read; state.number = 0; go(listAddress()); } },
    state.read ? "Show the list" : "Show the texts",
  );
  const bar = make("div", { class: "summary" }, make("p", { class: "count", role: "status" }, text), shown.length ? swap : "");
  return { pages, first, some, bar };
}
/* The list, or the texts of the first trials below one another; true if it is still wanted. */
async function showList(wanted) {
  const { pages, first, some, bar } = listSummary(state.read ? PER_READING : PER_PAGE);
  const focused = app.contains(document.activeElement) ? document.activeElement.name : null;
  const list = state.read
    ? make("div", { class: "texts" }, await Promise.all(some.map((row) => trialArticle(row, true))))
    : make("ol", { class: "list", start: first + 1 }, some.map(listItem));
  if (!wanted()) return false;
  app.replaceChildren(filterForm(), bar, list, pager(pages));
  if (focused) app.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
  return true;
}
