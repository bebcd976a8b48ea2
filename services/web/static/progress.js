// Watches a run that is being solved: moves the bar, and shows the plan when it is there.
// Without scripts the page reloads itself instead.
const bar = document.querySelector("progress[data-run]");
const note = document.querySelector("[data-percent]");
const parts = document.querySelector("[data-parts]");

async function look() {
  try {
    const answer = await fetch(`/api/v1/runs/${bar.dataset.run}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const run = await answer.json();
    if (run.state !== "queued" && run.state !== "solving") return location.reload();
    bar.value = run.progress;
    note.textContent = `${run.progress} %`;
    if (parts && run.parts_total) parts.textContent = `${run.parts_done} / ${run.parts_total}`;
    setTimeout(look, 700);
  } catch {
    // The network is away for a moment, or one was signed out: the page itself will say so.
    setTimeout(() => location.reload(), 5000);
  }
}

if (bar && note) look();
