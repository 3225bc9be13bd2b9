import { Session } from "./session.js";

const find = (selector) => document.querySelector(selector);
const config = await (await fetch("config.json")).json();
const session = new Session(config);

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    find("#state").textContent = error.message;
  }
}

async function orchestrate(action, members = {}) {
  const response = await session.authedFetch(
    "/orchestrate",
    {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action, ...members }),
    },
    action,
  );
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${body.message}`);
  return body;
}

async function refresh() {
  const { jobs } = await orchestrate("list_jobs");
  find("#jobs").replaceChildren(
    ...jobs.map((job) => Object.assign(document.createElement("li"), { textContent: `${job.dataset}: ${job.status}` })),
  );
  find("#state").textContent = config.authEnabled ? "Signed in" : "Open to everybody";
  find("#platform").hidden = false; // nothing is shown before the login
}

find("#orchestrate").addEventListener("submit", (event) => {
  event.preventDefault();
  const dataset = new FormData(event.target).get("dataset");
  attempt(async () => {
    await orchestrate("submit", { dataset });
    await refresh();
  });
});
find("#sign-out").hidden = !config.authEnabled;
find("#sign-out").addEventListener("click", () => attempt(() => session.logout()));

await attempt(async () => {
  await session.resume();
  await refresh();
});
