/* Positions of chess, drawn with the pieces that the page has as symbols; boards.py draws the same. */
const SVG = document.querySelector("svg.defs").namespaceURI; // the page names no address
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const DARK = Array.from({ length: 64 }, (_, n) => ((n + (n >> 3)) % 2 ? `M${n % 8} ${n >> 3}h1v1h-1z` : "")).join("");
function boardDrawing(game, named = true) {
  const parts = [draw("rect", { class: "light-squares", width: 8, height: 8 }), draw("path", { class: "dark-squares", d: DARK })];
  for (const end of game.move ? [game.move.slice(0, 2), game.move.slice(2, 4)] : [])
    parts.push(draw("rect", { class: "moved", x: "abcdefgh".indexOf(end[0]), y: 8 - Number(end[1]), width: 1, height: 1 }));
  [...game.squares].forEach((letter, n) => {
    const piece = letter.toLowerCase();
    if ("kqrbnp".includes(piece))
      parts.push(draw("use", { class: `chessman ${piece === letter ? "black" : "white"}`, href: `#piece-${piece}`, transform: `translate(${n % 8} ${n >> 3}) scale(.0222)` }));
  });
  for (let n = 0; named && n < 8; n++)
    parts.push(draw("text", { x: ".05", y: `${n}.24` }, String(8 - n)), draw("text", { x: `${n}.83`, y: "7.94" }, "abcdefgh"[n]));
  const seen = named ? { role: "img", "aria-label": game.alt } : { "aria-hidden": "true" };
  return draw("svg", { class: `board${game.tampered ? " tampered" : ""}`, viewBox: "0 0 8 8", ...seen }, ...parts);
}
const boardBox = (game) =>
  game.squares ? boardDrawing(game) : make("p", { class: "about" }, "This is no position of chess: ", make("code", null, visible(game.fen)));
const moveWords = (game) => (game.move ? `${game.move.slice(0, 2)} to ${game.move.slice(2, 4)}` : "");

/* The positions of a game, one large and all small; arrow keys go from one to the next. */
function gameBox(parts, article) {
  const games = parts.map((part, step) => ({ ...part.game, step, time: part.time ?? "" })).filter((game) => game.fen !== undefined);
  if (games.length < 2) return { figure: [], show: null };
  const tampered = games.findIndex((game) => game.tampered);
  let at = tampered < 0 ? games.length - 1 : tampered;
  const large = make("div", { class: "large" });
  const says = make("p", { class: "at", role: "status" });
  const label = (game, n) => [`Position ${n + 1} of ${games.length}`, moveWords(game), game.tampered ? `tampered with: ${visible(game.tampered)}` : ""].filter(Boolean).join(", ");
  const small = games.map((game, n) =>
    make(
      "button", { type: "button", class: game.tampered ? "tampered" : null, "aria-label": label(game, n), onclick: () => show(n, true) },
      game.squares ? boardDrawing(game, false) : make("span", { class: "none" }, "no position"),
      make("span", { class: "number" }, `${n + 1}${game.move ? ` ${game.move}` : ""}`, game.tampered ? make("strong", null, " tampered") : ""),
    ));
  function show(n, focus = false) {
    at = Math.min(games.length - 1, Math.max(0, n));
    const game = games[at];
    large.replaceChildren(boardBox(game));
    says.replaceChildren(make("strong", null, `Position ${at + 1} of ${games.length}`), game.time ? `, at ${visible(game.time)}` : "", game.move ? `: ${moveWords(game)}` : "", ".");
    if (game.tampered) says.append(" ", make("span", { class: "tag harm long" }, `tampered with: ${visible(game.tampered)}`));
    small.forEach((button, other) => {
      button.tabIndex = other === at ? 0 : -1;
      button.setAttribute("aria-current", other === at ? "true" : "false");
    });
    const strip = small[at].closest(".strip");
    if (strip) strip.scrollLeft = small[at].offsetLeft - (strip.clientWidth - small[at].clientWidth) / 2;
    if (focus) small[at].focus({ preventScroll: true });
  }
  const go = (words, to) => make("button", { type: "button", class: "plain", onclick: () => show(to()) }, words);
  const step = () => {
    const item = article.querySelectorAll(".session > li")[games[at].step];
    item.tabIndex = -1;
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
  };
  const bar = make(
    "div", { class: "buttons" }, go("Back (←)", () => at - 1), go("Forward (→)", () => at + 1),
    tampered < 0 ? "" : go("The tampering", () => tampered), make("button", { type: "button", class: "plain", onclick: step }, "Show its command"),
  );
  const keys = { ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => games.length - 1 };
  const onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // elsewhere these keys go from trial to trial
    show(keys[event.key](), small.includes(document.activeElement));
  };
  const strip = make("ol", { class: "strip", "aria-label": "All positions" }, small.map((button) => make("li", null, button)));
  const figure = make("figure", { class: "game", "aria-label": "The game", onkeydown }, make("h4", null, "The game"), make("div", { class: "now" }, large, make("div", null, says, bar)), strip);
  show(at);
  requestAnimationFrame(() => show(at)); // once it is on the page, the strip can scroll there
  return { figure: [figure], show: (number) => { show(number, true); figure.scrollIntoView({ block: "start" }); }, games };
}
/* What stands at a step that changed the position: the board where it is what matters, else a way to it. */
function boardAt(part, step, game) {
  if (!part.game) return null;
  if (!game.show || part.game.tampered) return make("div", { class: "in-place" }, boardBox(part.game));
  const number = game.games.findIndex((one) => one.step === step);
  const where = moveWords(part.game);
  return make("p", { class: "told" }, make("button", { type: "button", class: "plain", onclick: () => game.show(number) }, `Position ${number + 1}${where ? `: ${where}` : ""}`));
}
