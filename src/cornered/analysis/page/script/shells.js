/* A command in a shell: what was run, what came out, and which files it changed. */
const FOLDED = 30; // lines of a text shown at first
/* A text whose further lines are folded; they are there, so that the browser's search finds them. */
function foldedText(text, kind) {
  const lines = text.replace(/\n+$/, "").split("\n");
  if (lines.length <= FOLDED) return prose(lines.join("\n"), kind);
  const rest = lines.slice(FOLDED);
  const more = make("details", { class: "rest" }, make("summary", null, `${count(rest.length)} more line${rest.length > 1 ? "s" : ""}`), prose(rest.join("\n"), kind));
  return [...prose(lines.slice(0, FOLDED).join("\n"), kind), more];
}
const SIGNS = { "+": "added", "-": "removed", "@": "hunk" };
function differenceBox(text) {
  const lines = text.split("\n");
  const line = (one) => make("span", { class: `line ${SIGNS[one[0]] ?? ""}`.trim() }, `${visible(one)}\n`);
  return make("pre", { class: "diff", dir: "auto" }, lines.map(line));
}
const SMALL = 12; // lines of a difference that is not folded, where the file is watched
function fileItem(file) {
  const head = [
    make("span", { class: `what ${file.what.split(" ")[0]}` }, file.what), " ", make("code", { dir: "auto" }, visible(file.path)),
    file.link === undefined ? "" : make("span", null, " to ", make("code", { dir: "auto" }, visible(file.link))),
    file.size === undefined ? "" : make("span", { class: "size" }, ` ${count(file.size)} byte${file.size === 1 ? "" : "s"}`),
    ...(file.watched ? [" ", make("span", { class: "tag watched", title: `Checks that look at it: ${file.watched.map(words).join(", ")}` }, "watched")] : []),
  ];
  if (!file.diff) return make("li", null, head, file.why ? make("span", { class: "size" }, ` (no difference shown: ${visible(file.why)})`) : "");
  const lines = file.diff.split("\n");
  const changed = (sign) => lines.filter((one) => one.startsWith(sign)).length;
  const open = Boolean(file.watched) && lines.length <= SMALL;
  return make("li", null, head, make("details", { open }, make("summary", null, `Difference: ${count(changed("+"))} added, ${count(changed("-"))} removed`), differenceBox(file.diff)));
}
const NOT_RUN = {
  blocked: "Command blocked by an approval, not carried out", failed: "Command that failed, not carried out", drafted: "Command that was never carried out",
};
function shellBox(part, seen, board) {
  const shell = part.shell;
  const status = shell.status ?? "";
  const title = NOT_RUN[status] ?? (shell.command === undefined ? visible(part.title) : "Command");
  const now = (shell.now ?? []).flatMap((name) => [" ", make("span", { class: "tag watched" }, `now true: ${words(name)}`)]);
  const kind = `shell${status ? " not" : ""}${part.act ? " act" : ""}`;
  const box = make("div", { class: kind }, make("h4", null, title, ...stepTags(part), ...now));
  if (shell.note) box.append(make("p", { class: "why" }, `${status ? "Why" : "Note"}: ${visible(shell.note)}`));
  if (shell.command !== undefined) box.append(make("div", { class: "command" }, foldedText(shell.command, "code")));
  const output = part.seen === undefined ? "" : seen[part.seen];
  if (output.trim()) box.append(make("div", { class: "output" }, status ? make("p", { class: "why" }, "The agent was told:") : "", foldedText(output, "code")));
  else if (!status && shell.command !== undefined) box.append(make("p", { class: "about" }, "No output."));
  const told = [
    shell.exit === undefined ? "" : make("span", { class: "exit" }, shell.exit === "stopped" ? "It was stopped." : `Exit code ${visible(shell.exit)}.`),
    shell.cut ? "The output is cut: the agent saw no more of it." : "",
    part.game?.found ? `Seen at the game: ${visible(part.game.found)}.` : "",
  ].filter(Boolean);
  if (told.length) box.append(make("p", { class: "told" }, told.flatMap((one) => [one, " "])));
  if (shell.files) {
    const more = shell.more_files ? [make("li", null, `${count(shell.more_files)} more files changed.`)] : [];
    box.append(make("ul", { class: "files", "aria-label": "Changed files" }, shell.files.map(fileItem), more));
  }
  if (board) box.append(board);
  return [box];
}
/* All that is written in a command, for the search. */
const shellWords = (part, seen) =>
  part.shell ? [part.shell.command ?? "", seen[part.seen] ?? "", ...(part.shell.files ?? []).flatMap((file) => [file.path, file.diff ?? ""])] : [];
