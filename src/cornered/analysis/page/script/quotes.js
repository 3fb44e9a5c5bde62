/* Quotes in a reason: each leads to its place in the answer, where it is marked. */
const QUOTE = /“([^”]{8,600})”|"([^"\n]{8,600})"|‘([^’]{12,600})’|«([^»]{8,600})»|`([^`\n]{8,600})`/gu;
const LONGEST_SEARCHED = 400000; // characters of an answer in which quotes are looked for

/* A reason, with its quotes as links; which of them lead anywhere, `markQuotes` finds out. */
function reasonText(reason, article) {
  if (reason.length > CUT) return prose(reason, "text");
  const box = make("pre", { class: "text", dir: "auto" });
  let at = 0;
  for (const found of reason.matchAll(QUOTE)) {
    const words = found.slice(1).find((one) => one !== undefined);
    const start = found.index + 1;
    box.append(visible(reason.slice(at, start)), make("span", { class: "quoted" }, visible(words)));
    at = start + words.length;
  }
  box.append(visible(reason.slice(at)));
  return [box];
}

const plain = (character) => ("“”„«»".includes(character) ? '"' : "‘’‚`".includes(character) ? "'" : character);
/* The visible text of an answer in lower case, each run of spaces one; and where each character is. */
function textIndex(root) {
  const nodes = [];
  const places = []; // node number and offset, in turn
  let text = "";
  let parent = null;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && text.length < LONGEST_SEARCHED; node = walker.nextNode()) {
    if (node.parentElement.closest("button, summary, h4, dt")) continue;
    const block = node.parentElement.closest("pre, dd, p, li");
    if (block !== parent && text && !text.endsWith(" ")) {
      text += " ";
      places.push(nodes.length, 0);
    }
    parent = block;
    for (let n = 0; n < node.data.length; n++) {
      const character = plain(node.data[n]);
      const space = /\s/.test(character);
      if (space && text.endsWith(" ")) continue;
      const low = character.toLowerCase();
      text += space ? " " : low.length === 1 ? low : character;
      places.push(nodes.length, n);
    }
    nodes.push(node);
  }
  return { text, nodes, places };
}
const asSearched = (quote) =>
  Array.from(quote, plain).join("").replace(/\s+/g, " ").toLowerCase().replace(/^[\s.,;:!?]+|[\s.,;:!?]+$/g, "");

/* Marks in the answer what the reasons beside it quote, and makes links of those quotes. */
function markQuotes(article) {
  const root = article.querySelector(".said-text");
  const quotes = [...article.querySelectorAll("aside .quoted")];
  if (!root || !quotes.length) return;
  const { text, nodes, places } = textIndex(root);
  const ranges = new Map(); // node number to [start, end, quote]
  for (const quote of quotes) {
    for (const part of quote.textContent.split(/…|\.\.\.|\[[^\]]*\]/)) {
      const wanted = asSearched(part);
      const at = wanted.length < 8 ? -1 : text.indexOf(wanted);
      if (at < 0) continue;
      for (let n = at; n < at + wanted.length; n++) {
        const [node, offset] = [places[2 * n], places[2 * n + 1]];
        const own = ranges.get(node) ?? ranges.set(node, []).get(node);
        const last = own.at(-1);
        if (last && last[2] === quote && offset >= last[1] && n > at) last[1] = offset + 1;
        else own.push([offset, offset + 1, quote]);
      }
    }
  }
  const targets = new Map();
  for (const [number, own] of [...ranges].sort(([a], [b]) => a - b)) {
    if (!nodes[number]) continue;
    own.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    const merged = [];
    for (const [start, end, quote] of own) {
      const last = merged.at(-1);
      if (last && start < last[1]) {
        last[1] = Math.max(last[1], end);
        last[2].add(quote);
      } else merged.push([start, end, new Set([quote])]);
    }
    const first = new Map(); // of each quote, its first mark in this node
    for (const [start, end, of] of merged.reverse()) {
      const node = nodes[number];
      if (end < node.data.length) node.splitText(end);
      const middle = start ? node.splitText(start) : node;
      const mark = make("mark", { tabindex: "-1" });
      middle.replaceWith(mark);
      mark.append(middle);
      for (const quote of of) first.set(quote, mark);
    }
    for (const [quote, mark] of first) targets.has(quote) || targets.set(quote, mark);
  }
  for (const [quote, mark] of targets) asLink(quote, mark);
}
function asLink(quote, mark) {
  const show = () => {
    for (let at = mark.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    mark.scrollIntoView({ block: "center" });
    mark.focus({ preventScroll: true });
  };
  const button = make("span", { class: "quoted found", role: "link", tabindex: "0", title: "Show it in the answer" }, quote.textContent);
  button.addEventListener("click", show);
  button.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" && e.key !== " ") return;
    e.preventDefault();
    show();
  });
  quote.replaceWith(button);
}
