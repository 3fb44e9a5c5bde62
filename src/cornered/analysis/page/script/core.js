/* Small helpers. Text of trials becomes text nodes, never markup; see safe.py. */
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

function downloadCsv(name, lines) {
  const quoted = (v) => (/[",\r\n]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);
  download(name, lines.map((line) => line.map((v) => quoted(String(v))).join(",")).join("\n") + "\n", "text/csv");
}
function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const page = JSON.parse(byId("data").textContent);
const collator = new Intl.Collator("en", { numeric: true });
const scenarioOf = (condition) => page.titles[page.scenarios[condition]] ?? "";
/* A condition in words, with its scenario where the run has several. */
const severalScenarios = new Set(Object.values(page.scenarios)).size > 1;
function inWords(condition) {
  const said = page.words[condition] ?? condition;
  return visible(severalScenarios ? `${scenarioOf(condition)}: ${said.replace(/^./u, (c) => c.toLowerCase())}` : said);
}
const shortName = (model) => visible(page.labels[model] ?? model);
