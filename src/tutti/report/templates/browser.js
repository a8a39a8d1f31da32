// The browser of molecules: filters, cards, and one molecule large. `contents` is made by tutti.report.browser.
const CARDS = 24, ATTRIBUTES = { not_valid: "not valid", repeated: "valid, but seen before", valid: "valid" };
const words = (name) => name.replaceAll("_", " ");

function startBrowser(contents) {
  const section = document.getElementById("molecules");
  const form = document.getElementById("filters"), dialog = document.getElementById("molecule");
  const cards = document.getElementById("cards"), more = document.getElementById("more");
  const fields = Object.fromEntries(["set", "assigner", "verdict", "reason", "check"].map(
    (name) => [name, form.elements[name]]));
  let found = [], shown = 0, current = null, picture = null;

  const paper = () => {
    const probe = getComputedStyle(section).getPropertyValue("--card").trim();
    return parsed(probe.length === 7 ? probe : "#ffffff");
  };
  const verdictOf = (molecule, assigner = fields.assigner.value) => {
    const [valid, reason, smiles, bonds, repeated] = molecule.verdicts[assigner] ?? [false, "", "", [], false];
    return { valid, reason, smiles, bonds, repeated };
  };
  const faults = (molecule) => Object.entries(molecule.failed).flatMap(
    ([check, tests]) => tests.map((test) => `${check}: ${test}`));
  const pictureOf = (canvas, molecule) => {
    const atoms = atomsOf(molecule, contents.elements, contents.scale);
    const made = new Picture(canvas, atoms, bondsOf(atoms, verdictOf(molecule).bonds), molecule.rotation, paper());
    made.first = molecule.rotation;
    return made;
  };

  function options(field, entries) {
    const before = field.value;
    field.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
    if (entries.some(([value]) => value === before)) field.value = before;
  }

  function countedOptions(field, all, counts) {
    const entries = [...counts].sort((a, b) => b[1] - a[1]);
    options(field, [["", all], ...entries.map(([value, n]) => [value, `${words(value)} (${n})`])]);
    field.closest("label").hidden = entries.length === 0;
  }

  function refreshOptions() {
    const inSet = contents.molecules.filter((m) => fields.set.value === "" || m.set === Number(fields.set.value));
    const reasons = new Map(), checks = new Map();
    const add = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const molecule of inSet) {
      const { valid, reason } = verdictOf(molecule);
      if (!valid && reason) add(reasons, reason);
      for (const check of Object.keys(molecule.failed)) {
        if (molecule.failed[check].length) add(checks, check);
      }
      for (const fault of faults(molecule)) add(checks, fault);
    }
    countedOptions(fields.reason, "any reason", reasons);
    countedOptions(fields.check, "any check", checks);
  }

  function matches(molecule) {
    const { valid, reason, repeated } = verdictOf(molecule);
    const check = fields.check.value, failed = molecule.failed[check.split(":")[0]] ?? [];
    const wanted = { "": true, valid, not_valid: !valid, repeated }[fields.verdict.value];
    return (fields.set.value === "" || molecule.set === Number(fields.set.value)) && wanted
      && (fields.reason.value === "" || (!valid && reason === fields.reason.value))
      && (check === "" || (check.includes(": ") ? faults(molecule).includes(check) : failed.length > 0));
  }

  // Those that are not valid first, then those that fail a check.
  const order = (molecule) => (verdictOf(molecule).valid ? 1 + (faults(molecule).length === 0) : 0);

  function search() {
    refreshOptions();
    found = contents.molecules.filter(matches).sort((a, b) => order(a) - order(b));
    const plural = found.length === 1 ? "molecule" : "molecules";
    document.getElementById("found").textContent = `${found.length.toLocaleString("en")} ${plural}, those not valid first`;
    cards.replaceChildren();
    shown = 0;
    addCards();
  }

  function addCards() {
    const added = found.slice(shown, shown + CARDS).map(card);
    cards.append(...added.map(([item]) => item));
    for (const [, draw] of added) draw();
    shown += added.length;
    more.hidden = shown >= found.length;
  }

  function captionOf(molecule) {
    const { valid, reason, smiles } = verdictOf(molecule);
    return valid ? smiles : words(reason) || "not judged";
  }

  function card(molecule) {
    const item = document.createElement("li"), button = document.createElement("button");
    const canvas = document.createElement("canvas"), caption = document.createElement("span");
    const { valid } = verdictOf(molecule), failed = valid && faults(molecule).length > 0;
    button.type = "button";
    button.className = valid ? (failed ? "card doubtful" : "card good") : "card bad";
    caption.textContent = `${valid ? (failed ? "△" : "✓") : "✗"} ${captionOf(molecule)}`;
    button.title = `${contents.sets[molecule.set].name}, sample ${molecule.place}`;
    canvas.setAttribute("aria-hidden", "true");
    button.append(canvas, caption);
    button.addEventListener("click", () => open(molecule));
    item.append(button);
    return [item, () => pictureOf(canvas, molecule).draw()];
  }

  function xyz(molecule) {
    const { valid, reason, smiles } = verdictOf(molecule), set = contents.sets[molecule.set];
    const lines = molecule.numbers.map((number, i) => [contents.elements[number][0],
      ...[0, 1, 2].map((axis) => (molecule.positions[3 * i + axis] / contents.scale).toFixed(3))].join(" "));
    const said = valid ? smiles : reason;
    return `${lines.length}\n${set.key} sample ${molecule.place} ${fields.assigner.value}: ${said}\n${lines.join("\n")}\n`;
  }

  const fill = (id, rows) => document.getElementById(id).replaceChildren(...rows.map((texts) => {
    const row = document.createElement("tr");
    row.append(...texts.map((text, i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i) cell.scope = "row";
      cell.textContent = text;
      return cell;
    }));
    return row;
  }));

  function open(molecule) {
    current = molecule;
    const set = contents.sets[molecule.set], tests = Object.entries(molecule.failed);
    document.getElementById("molecule-name").textContent = `${set.name}, sample ${molecule.place}`;
    document.getElementById("molecule-caption").textContent = molecule.unreadable || captionOf(molecule);
    fill("verdicts", Object.keys(molecule.verdicts).map((assigner) => {
      const { valid, reason, smiles, repeated } = verdictOf(molecule, assigner);
      return [assigner, valid ? "valid" : words(reason) || "not valid",
        valid ? smiles + (repeated ? " (seen before)" : "") : molecule.messages[assigner] ?? ""];
    }));
    fill("checked", [
      ...tests.map(([check, failed]) => [check, failed.length ? `failed: ${failed.map(words).join(", ")}` : "passed"]),
      ...Object.entries(molecule.checks).map(([check, why]) => [`${check}, no result`, words(why) + (molecule.messages[check] ? `: ${molecule.messages[check]}` : "")]),
      ...Object.entries(molecule.measured).map(([name, text]) => [words(name), text]),
    ]);
    document.getElementById("checked").closest("table").hidden = tests.length === 0;
    document.getElementById("unchecked").hidden = tests.length > 0;
    if (!dialog.open) dialog.showModal();
    const canvas = dialog.querySelector("canvas");
    const elements = [...new Set(molecule.numbers.map((number) => contents.elements[number][0]))].join(", ");
    canvas.setAttribute("aria-label", `${molecule.numbers.length} atoms (${elements}); arrow keys turn, plus and minus zoom`);
    picture = pictureOf(canvas, molecule);
    picture.draw();
    history.replaceState(null, "", linkTo(molecule));
  }

  function step(by) {
    const place = found.indexOf(current);
    if (found.length) open(found[(place + by + found.length) % found.length]);
  }

  const linkTo = ({ set, place }) => `#molecule=${encodeURI(contents.sets[set].key)}:${place}`;

  function followLink() {
    const molecule = contents.molecules.find((each) => linkTo(each) === location.hash);
    if (molecule) open(molecule);
  }

  options(fields.set, [["", "all sets"], ...contents.sets.map(({ name, shown: n }, i) => [i, `${name} (${n})`])]);
  options(fields.assigner, contents.assigners.map((name) => [name, name]));
  options(fields.verdict, [["", "any verdict"], ...Object.entries(ATTRIBUTES)]);
  form.addEventListener("change", search);
  form.addEventListener("reset", () => setTimeout(search));
  more.addEventListener("click", addCards);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    picture = null;
    history.replaceState(null, "", "#molecules");
  });
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  document.getElementById("copy-xyz").addEventListener("click", (event) => copy(xyz(current), event.target));
  document.getElementById("copy-link").addEventListener("click", (event) => copy(location.href, event.target));
  makeTurnable(dialog.querySelector("canvas"), () => picture);
  window.addEventListener("hashchange", followLink);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    search();
    if (!picture) return;
    picture.paper = paper();
    picture.draw();
  });

  // From a model or a number of the first table to its molecules.
  for (const link of document.querySelectorAll("[data-set]")) {
    link.addEventListener("click", () => {
      form.reset();
      fields.set.value = contents.sets.findIndex((each) => each.key === link.dataset.set);
      refreshOptions();
      const shows = link.dataset.shows;
      const field = shows in ATTRIBUTES ? fields.verdict : fields.check;
      if ([...field.options].some((option) => option.value === shows)) field.value = shows;
      search();
      section.scrollIntoView();
      fields.set.focus({ preventScroll: true });
    });
  }
  search();
  followLink();
}
