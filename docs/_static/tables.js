// On a narrow page a wide table becomes a list of rows; each cell then says its column.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table.docutils")) {
    const columns = [...table.querySelectorAll("thead th")].map((th) => th.textContent.trim());
    if (columns.length < 4) continue;
    table.classList.add("authz-wide");
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, number) => { cell.dataset.column = columns[number]; });
    }
  }
});
