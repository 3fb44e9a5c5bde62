/* Tables: columns can be sorted, and the whole table downloaded. */
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
function tableCsv(table) {
  const keep = Array.from(table.tHead.rows[0].cells, (cell) => !cell.classList.contains("plain"));
  const lines = Array.from(table.rows, (row) => Array.from(row.cells, (cell) => cell.querySelector("span[title]")?.title ?? cellText(cell)).filter((_, n) => keep[n]));
  downloadCsv(`${page.name}-${table.dataset.name}.csv`, lines);
}
for (const table of document.querySelectorAll("table.sortable")) {
  const box = table.parentElement;
  for (const [n, head] of Array.from(table.tHead.rows[0].cells).entries()) {
    if (head.classList.contains("plain")) continue;
    const label = cellText(head);
    head.replaceChildren(make("button", { type: "button", onclick: () => sortBy(table, n) }, label));
  }
  const what = box.getAttribute("aria-label");
  const button = make(
    "button",
    { type: "button", class: "plain", "aria-label": `Download CSV: ${what}`, onclick: () => tableCsv(table) },
    "Download CSV",
  );
  box.before(make("div", { class: "tools" }, box.querySelector(".more-switch"), button));
  const more = box.previousElementSibling.querySelector("input");
  more?.addEventListener("change", () => box.classList.toggle("all", more.checked));
  asCards(table);
}
/* On a phone each row is a card, whose values are named by their column. Roles are set, since a
   table that is laid out as blocks may lose them. */
function asCards(table) {
  const names = Array.from(table.tHead.rows[0].cells, cellText);
  table.classList.add("cards");
  table.setAttribute("role", "table");
  for (const part of [table.tHead, ...table.tBodies]) part.setAttribute("role", "rowgroup");
  for (const row of table.rows) {
    row.setAttribute("role", "row");
    for (const [n, cell] of Array.from(row.cells).entries()) {
      const heading = cell.tagName === "TH";
      cell.setAttribute("role", heading ? (row.parentElement === table.tHead ? "columnheader" : "rowheader") : "cell");
      if (!heading) cell.dataset.label = names[n];
    }
  }
}

/* Prints folded sections open. */
let folded = [];
addEventListener("beforeprint", () => {
  folded = Array.from(document.querySelectorAll("details.print:not([open])"));
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
});
