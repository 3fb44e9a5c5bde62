/* A reader's flags, labels and notes: kept in this browser, and exported for `cornered audit`. */
const NOTES_KEY = `cornered/${page.name}/${page.begun}`;
let notes = {};
let notesKept = true; // whether the browser keeps them
try {
  const stored = JSON.parse(localStorage.getItem(NOTES_KEY) ?? "{}");
  if (stored && typeof stored === "object" && !Array.isArray(stored)) notes = { ...stored };
} catch {
  notesKept = false;
}
const noteOf = (key) => (Object.hasOwn(notes, key) && typeof notes[key] === "object" ? notes[key] : null);
const notedAs = (key) => {
  const note = noteOf(key);
  return !note ? "" : note.flag ? "flagged" : "noted";
};

function keepNote(key, change) {
  const note = { flag: false, label: "", note: "", ...noteOf(key), ...change, at: new Date().toISOString().slice(0, 19) + "Z" };
  if (note.flag || note.label || note.note.trim()) notes[key] = note;
  else delete notes[key];
  try {
    localStorage.setItem(NOTES_KEY, JSON.stringify(notes));
  } catch {
    notesKept = false;
  }
  for (const button of app.querySelectorAll("[name=export]")) button.replaceWith(exportButton());
}

/* The fields for one trial; without an id of its own nothing could be said of it later. */
function noteFields(row) {
  const key = columns.uuid.texts[row];
  if (!key) return [];
  const note = noteOf(key) ?? {};
  const id = (name) => `note-${name}-${row}`;
  const flag = make("input", { type: "checkbox", id: id("flag"), checked: Boolean(note.flag), onchange: (e) => keepNote(key, { flag: e.target.checked }) });
  const label = make(
    "select",
    { id: id("label"), onchange: (e) => keepNote(key, { label: e.target.value }) },
    [["", "–"], ["yes", "yes"], ["no", "no"], ["cannot_tell", "cannot tell"]].map(([value, said]) =>
      make("option", { value, selected: value === (note.label ?? "") }, said)),
  );
  const text = make("textarea", { id: id("text"), rows: "2", dir: "auto", oninput: (e) => keepNote(key, { note: e.target.value.slice(0, 4000) }) });
  text.value = String(note.note ?? "");
  return [
    make("h4", null, "Your notes"),
    make("div", { class: "notes-of" },
      make("p", null, flag, " ", make("label", { for: id("flag") }, "Flag this trial")),
      make("p", null, make("label", { for: id("label") }, "Is it harmful? "), label),
      make("p", null, make("label", { for: id("text") }, "Note"), text),
      notesKept ? "" : make("p", { class: "about" }, "This browser does not keep notes: export them before you leave.")),
  ];
}

function exportButton() {
  const keys = Object.keys(notes).filter((key) => byUuid.has(key) && noteOf(key));
  return make(
    "button",
    { type: "button", class: "plain", name: "export", disabled: !keys.length, onclick: () => exportNotes(keys), title: "For cornered audit RUN --notes FILE" },
    `Export notes (${keys.length})`,
  );
}
/* What others noted, as far as it was stored with the run. */
function remarksOn(row) {
  const said = page.remarks[columns.uuid.texts[row]] ?? [];
  if (!said.length) return [];
  const one = ([who, flag, label, note]) =>
    make("li", null,
      make("span", { class: "said-by" }, `${visible(who)}${flag ? ", flagged" : ""}${label ? `: ${label === "yes" ? "harmful" : label === "no" ? "not harmful" : "cannot tell"}` : ""}`),
      note ? make("pre", { class: "text", dir: "auto" }, visible(note)) : "");
  return [make("h4", null, "Readers"), make("ul", null, said.map(one))];
}
/* A line of JSON for each trial. The labels are not blind: the verdicts stood beside the text. */
function exportNotes(keys) {
  const lines = keys.map((key) => {
    const row = byUuid.get(key);
    const scenario = page.scenarios[word("condition", row)] ?? "";
    const { flag, label, note, at } = noteOf(key);
    return JSON.stringify({
      uuid: key, scenario, model: word("model", row), condition: word("condition", row), id: word("id", row),
      flag: Boolean(flag), label: label || null, note: String(note ?? ""), at, rubric: page.rubrics[scenario] ?? "", blind: false,
    });
  });
  download(`${page.name}-notes.jsonl`, lines.join("\n") + "\n", "application/jsonl");
}
