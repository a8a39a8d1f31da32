// Sorting: a click on a heading; by number where all texts begin with one. Controls stand in a body of their own and
// stay below, what is missing comes last.
const isMissing = (text) => text === "" || text === "–";
function inOrder(x, y, direction, numeric) {
  if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y);
  return direction * (numeric ? parseFloat(x) - parseFloat(y) : x.localeCompare(y));
}

function sortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const rising = heading.ariaSort ? heading.ariaSort !== "ascending" : heading.dataset.better !== "higher";
    headings.forEach((other) => { other.ariaSort = null; });
    heading.ariaSort = rising ? "ascending" : "descending";
    const direction = rising ? 1 : -1;
    const texts = [...table.tBodies].flatMap((body) => [...body.rows]).map((row) => key(row, column));
    const numeric = texts.every((text) => isMissing(text) || !isNaN(parseFloat(text)));
    for (const body of table.tBodies) {
      body.append(...[...body.rows].sort((a, b) => inOrder(key(a, column), key(b, column), direction, numeric)));
    }
    table.classList.add("sorted");
  }));
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// What is too large to stand in the page as it is: compressed JSON.
async function unpacked(element) {
  const bytes = Uint8Array.from(atob(element.textContent.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// Paper has no clicks: everything is unfolded while it is printed.
function unfoldForPrint() {
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
  });
  window.addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
}

document.querySelectorAll("table.sortable").forEach(sortable);
unfoldForPrint();
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(document.getElementById(button.dataset.copy).value, button));
}
