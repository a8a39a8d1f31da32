for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.firstElementChild.addEventListener("click", () => {
    const direction = heading.ariaSort === "ascending" ? -1 : 1;
    headings.forEach((other) => { other.ariaSort = null; });
    heading.ariaSort = direction === 1 ? "ascending" : "descending";
    const key = (row) => row.cells[column].textContent.trim();
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [parseFloat(key(a)), parseFloat(key(b))];
      if (isNaN(x) && isNaN(y)) return direction * key(a).localeCompare(key(b));
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return direction * (x - y);
    });
    table.classList.add("sorted");
    table.tBodies[0].append(...rows);
  }));
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value);
    } catch {
      source.hidden = false;
      source.select();
      document.execCommand("copy");
      source.hidden = true;
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
