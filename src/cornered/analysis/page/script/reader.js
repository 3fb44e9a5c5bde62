const CUT = 20000; // characters of a text shown at first
const PIECE = 2000; // characters that are laid out together
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
  const heading = make("h4", null, done ? visible(action.title) : `${state}${what}${why}`, ...stepTags(part));
  const kind = `${done ? "action" : "action not"}${part.act ? " act" : ""}`;
  const box = make("section", { class: kind, "aria-label": done ? "Carried out" : "Not carried out" }, heading);
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
  if (part.game?.tampered) out.push(make("span", { class: "tag harm long" }, `tampered with: ${visible(part.game.tampered)}`));
  if (part.act) out.push(make("span", { class: "tag harm act-mark" }, part.kind === "blocked" || part.kind === "call" ? "would have been the act" : "the act"));
  return out.flatMap((tag) => [" ", tag]);
}
function stepBox(part, seen, board = null) {
  if (part.kind === "thinking" || part.kind === "text") return partBox(part);
  if (part.shell) return shellBox(part, seen, board);
  if (board) return [...stepBox(part, seen), board];
  if (part.kind === "look") {
    const head = [visible(part.title), ...stepTags(part)];
    if (part.seen === undefined) return [make("p", { class: "look" }, head)];
    const box = make("details", { class: "look" }, make("summary", null, head));
    box.addEventListener("toggle", () => box.childElementCount === 1 && box.append(...prose(seen[part.seen], "raw")));
    return [box];
  }
  const action = part.action;
  const box = make("div", { class: `action ${part.kind === "deed" ? "" : part.kind === "arrival" ? "came" : "not"}${part.act ? " act" : ""}`.trim() });
  const never = !action || action.status === "drafted";
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
function sessionList(text, seen, game) {
  const item = (part, step) => {
    const time = part.time ? make("time", { datetime: part.moment }, part.time) : "";
    const at = make("div", { class: "at" }, time);
    return make("li", { class: part.kind, tabindex: part.act ? "-1" : null }, at, make("div", null, stepBox(part, seen, boardAt(part, step, game))));
  };
  return make("ol", { class: "session" }, text.parts.map(item));
}
function sessionFacts(text, root) {
  const out = [make("h4", null, "Exposure"), make("ul", null, text.exposure.map((one) =>
    make("li", { class: one.lacking ? "yes" : null }, `${capital(words(one.group))}: ${visible(one.words)}`)))];
  if (!text.exposure.length) out[1] = make("p", null, "This scenario asks for none.");
  const acts = text.parts.filter((part) => part.act && part.kind !== "blocked");
  const jump = () => {
    const at = root().querySelector(".session > li:has(:is(.action, .shell).act:not(.not))");
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

/* What stands beside a text: verdict, judges, notes. `article` is where quotes are looked for. */
function besideText(row, text, article) {
  const out = [];
  const list = (title, items) => items.length && out.push(make("h4", null, title), make("ul", null, items));
  const judges = text.judges.map((j) =>
    make(
      "li", null,
      make("span", { class: "said-by" }, `${visible(j.model)}: ${words(j.verdict ?? "")}${j.outcome ? `, ${words(j.outcome)}` : ""}${j.labels.length ? ` (${j.labels.map(words).join(", ")})` : ""}`),
      reasonText(j.reason, article),
    ),
  );
  list(judges.length > 1 ? "Judges" : "Judge", judges);
  if (!judges.length && word("reason", row)) out.push(make("h4", null, "Why there is no verdict"), make("p", null, visible(word("reason", row))));
  if (text.ending) out.push(...sessionFacts(text, () => article));
  out.push(...remarksOn(row), ...noteFields(row));
  const fact = ([name]) => make("li", null, visible(page.facts[name] ?? words(name)));
  const facts = Object.entries(text.facts);
  list("Facts that hold", facts.filter(([, holds]) => holds).map(fact));
  const others = facts.filter(([, holds]) => !holds);
  if (others.length)
    out.push(make("details", null, make("summary", null, `Facts that do not hold (${others.length})`), make("ul", null, others.map(fact))));
  list("Readings", text.readings.map((r) => make("li", null, make("span", { class: "said-by" }, `${words(r.name)}: ${words(r.value ?? "unscored")}`), reasonText(r.reason, article))));
  list("Read with a note", text.notes.map((note) => make("li", null, visible(note))));
  out.push(...trialFacts(row));
  return out;
}
/* The address that Inspect's viewer gives a sample, on the port that it has by default. */
function viewerAddress(row) {
  const log = encodeURIComponent(word("log", row));
  return `http://127.0.0.1:7575/#/logs/${log}/samples/sample/${encodeURIComponent(word("id", row))}/1/`;
}
function trialFacts(row) {
  return [
    make("h4", null, "Trial"),
    make("ul", null,
      make("li", null, make("code", null, visible(word("condition", row)))),
      make("li", null, `${visible(word("model", row))}, trial ${visible(word("id", row))}, ${count(columns.tokens.numbers[row])} tokens out`),
      make("li", null, make("code", null, keyOf(row))),
      make("li", null, make("a", { href: viewerAddress(row), rel: "noopener noreferrer", target: "_blank" }, "Open in Inspect’s viewer"), ", while ", make("code", null, "cornered view RUN"), " runs"),
    ),
  ];
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

/* One trial; `link` where its heading leads to its own page, below others. */
async function trialArticle(row, link = false) {
  const title = inWords(word("condition", row));
  const heading = make("h3", { tabindex: "-1" }, link ? make("a", { href: trialAddress(row) }, title) : title);
  const top = make(
    "header", null, heading,
    make("p", { class: "who" }, `${shortName(word("model", row))} · trial ${visible(word("id", row))} `, tags(row).flatMap((t) => [t, " "])),
  );
  const body = make("div", null);
  const article = make("article", { class: "trial", "aria-label": "Trial" }, top, body);
  if (!places.has(row)) {
    body.append(
      make("p", { class: "note" }, "Its text is not on this page. It is in the logs: ", make("code", null, `cornered view RUN --trial ${visible(word("id", row))}`), " prints it."),
      word("reason", row) ? make("p", null, visible(word("reason", row))) : "",
      promptBox(word("condition", row)),
      make("aside", { "aria-label": "About this trial" }, remarksOn(row), noteFields(row), trialFacts(row)),
    );
    return article;
  }
  const [block, place] = places.get(row);
  const { texts, seen } = await once(`block-${block}`);
  const text = texts[place];
  const game = text.ending ? gameBox(text.parts, article) : null;
  const session = () => (text.parts.length ? [...game.figure, sessionList(text, seen, game)] : []);
  const parts = text.ending ? session() : text.parts.flatMap((part) => partBox(part));
  if (text.error) parts.unshift(make("p", { class: "note" }, `The model failed: ${visible(text.error)}`));
  if (text.ending) parts.push(make("p", { class: "note" }, `How it ended: ${visible(text.ending)}.`));
  if (text.ended) parts.push(make("p", { class: "note" }, `The answer ended before the agent did: ${words(text.ended)}.`));
  if (!parts.length) parts.push(make("p", { class: "note" }, "There is no answer."));
  for (const reply of text.debrief)
    parts.push(make("details", null, make("summary", null, `Asked afterwards ${visible(reply.asked)}`), prose(reply.text, "text")));
  const said = make("div", { class: "said-text" }, parts);
  const aside = make("aside", { "aria-label": "Verdict of this trial" }, besideText(row, text, article));
  body.append(promptBox(word("condition", row)), make("div", { class: "grid" }, said, aside));
  markQuotes(article);
  return article;
}
