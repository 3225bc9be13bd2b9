import { Session } from "./session.js";

const find = (selector) => document.querySelector(selector);
const session = new Session(await (await fetch("config.json")).json());

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    find("#state").textContent = error.message;
  }
}

async function json(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${body.message}`);
  return body;
}

async function refresh() {
  const { jobs } = await json(await session.authedFetch("/jobs"));
  find("#jobs").replaceChildren(
    ...jobs.map((job) => Object.assign(document.createElement("li"), { textContent: `${job.dataset}: ${job.status}` })),
  );
  find("#state").textContent = "Signed in";
}

find("#orchestrate").addEventListener("submit", (event) => {
  event.preventDefault();
  const dataset = new FormData(event.target).get("dataset");
  attempt(async () => {
    const body = JSON.stringify({ dataset });
    const headers = { "Content-Type": "application/json" };
    await json(await session.authedFetch("/orchestrate", { method: "POST", headers, body }));
    await refresh();
  });
});
find("#sign-out").addEventListener("click", () => attempt(() => session.logout()));

await attempt(async () => {
  await session.resume();
  await refresh();
});
