/* The trial that stands beside another one: on another model, its control, or any one. */
function rowBeside(row, which) {
  if (!which) return null;
  const [kind, name] = [which.slice(0, which.indexOf(":")), which.slice(which.indexOf(":") + 1)];
  if (kind === "trial") return byUuid.get(name) ?? null;
  const wanted = { model: word("model", row), condition: word("condition", row), id: word("id", row) };
  if (kind === "model" || kind === "condition") wanted[kind] = name;
  else if (kind === "control") wanted.condition = page.controls[wanted.condition];
  const codes = Object.entries(wanted).map(([column, value]) => [columns[column].codes, columns[column].values.indexOf(value)]);
  for (let other = 0; other < rows; other++)
    if (other !== row && codes.every(([of, code]) => of[other] === code)) return other;
  return null;
}
let pinned = null; // a trial to stand beside others
function besideSelect(row) {
  const choices = [["", "nothing"]];
  for (const model of columns.model.values)
    if (model !== word("model", row)) choices.push([`model:${model}`, `the same draw on ${shortName(model)}`]);
  const control = page.controls[word("condition", row)];
  if (control && control !== word("condition", row)) choices.push(["control:", "the same draw in its control"]);
  for (const condition of columns.condition.values)
    if (page.scenarios[condition] === page.scenarios[word("condition", row)] && condition !== word("condition", row) && condition !== control)
      choices.push([`condition:${condition}`, `the same draw, ${visible(page.words[condition] ?? condition).replace(/^./u, (c) => c.toLowerCase())}`]);
  if (pinned !== null && pinned !== keyOf(row)) choices.push([`trial:${pinned}`, "the trial that you kept"]);
  const there = choices.filter(([value]) => !value || rowBeside(row, value) !== null);
  if (state.beside && !there.some(([value]) => value === state.beside)) there.push([state.beside, visible(state.beside)]);
  const select = make(
    "select",
    { id: "beside", name: "beside", onchange: (e) => go(trialAddress(row, e.target.value)) },
    there.map(([value, said]) => make("option", { value, selected: value === state.beside }, said)),
  );
  const keep = make("button", { type: "button", class: "plain", onclick: (e) => { pinned = keyOf(row); e.target.textContent = "Kept"; } }, "Keep for comparing");
  return [make("label", { for: "beside", class: "about" }, "Beside it: "), select, keep];
}

async function showTrial(key, wanted) {
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
  const bar = make(
    "div", { class: "buttons" },
    back, step("Previous (k)", at > 0 ? shown[at - 1] : undefined), step("Next (j)", at >= 0 ? shown[at + 1] : undefined),
    make("span", { class: "about" }, at >= 0 ? `${count(at + 1)} of ${count(shown.length)}` : ""),
    besideSelect(row),
  );
  const other = rowBeside(row, state.beside);
  const articles = await Promise.all([row, ...(other === null ? [] : [other])].map((one) => trialArticle(one)));
  if (!wanted()) return null;
  const none = state.beside && other === null ? [make("p", { class: "note" }, "There is no such trial to stand beside it.")] : [];
  app.replaceChildren(bar, ...none, articles.length > 1 ? make("div", { class: "pair" }, articles) : articles[0]);
  return articles[0].querySelector("h3");
}
function backAddress() {
  const at = lastTrial === null ? -1 : shown.indexOf(lastTrial);
  return listAddress({ page: at < 0 ? 0 : Math.floor(at / (state.read ? PER_READING : PER_PAGE)) });
}

/* Search reads each transcript on the page once. */
const joined = (text, seen) =>
  [...text.parts.flatMap((p) => [p.text, p.action?.body ?? "", ...shellWords(p, seen)]), ...text.judges.map((j) => j.reason), ...text.readings.map((r) => r.reason), ...text.debrief.map((d) => d.text)]
    .join("\n").toLowerCase();
async function search(wanted) {
  if (searched.has(wanted)) return;
  const hits = new Set();
  const low = wanted.toLowerCase();
  for (const [block, members] of page.blocks.entries()) {
    const { texts, seen } = await once(`block-${block}`);
    members.forEach((uuid, n) => joined(texts[n], seen).includes(low) && hits.add(byUuid.get(uuid)));
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
    const heading = await showTrial(state.trial, () => mine === turn);
    if (mine !== turn) return;
    heading.focus({ preventScroll: true });
    byId("trial-app").scrollIntoView({ block: "start" });
    return;
  }
  if (!(await showList(() => mine === turn))) return;
  const from = lastTrial === null ? null : byId(`trial-${lastTrial}`);
  lastTrial = null;
  if (from) {
    from.focus({ preventScroll: true });
    from.scrollIntoView({ block: "center" });
  } else if (asked && !app.contains(document.activeElement)) {
    const first = state.read ? app.querySelector(".texts h3") : null;
    (first ?? byId("trials")).focus({ preventScroll: Boolean(first) });
    if (first) app.querySelector(".summary").scrollIntoView({ block: "start" });
  }
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
  } else if (state.read && (event.key === "j" || event.key === "k")) {
    const heads = [...app.querySelectorAll(".texts > article > header h3")];
    const now = heads.indexOf(event.target.closest?.("article")?.querySelector("h3"));
    heads[Math.min(heads.length - 1, Math.max(0, now + (event.key === "j" ? 1 : -1)))]?.focus();
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
