// Who is signed in: the authorization code flow with PKCE (RFC 7636) at the hosted login, and a `fetch` that carries the
// access token.  The token lives in this object only: nothing on disk, nothing for another page; a reload asks the hosted
// login again, which remembers its own session.

const PENDING = "pending-login"; // of the login under way: what comes back must fit it
const REFUSED = "refused-calls"; // method, path and action of each call that was refused and has not been answered since
const LEAVING_MS = 10_000; // a page that still stands then (the user stopped it, or came back to it) may ask again

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const challengeOf = async (verifier) => base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
const never = () => new Promise(() => {}); // the page is being left

let leaving = null; // the login under way: all calls that are refused meanwhile share it

const refusedCalls = () => new Set(JSON.parse(sessionStorage.getItem(REFUSED) ?? "[]"));
function keepRefused(calls) {
  if (calls.size === 0) sessionStorage.removeItem(REFUSED);
  else sessionStorage.setItem(REFUSED, JSON.stringify([...calls]));
}

export class Session {
  #config;
  #token = null;
  #expires = 0;
  #taken = false; // whether the API has taken this token for any call

  // `config`: apiUrl; authEnabled, and then loginUrl and clientId.  Without authentication nothing here does anything.
  constructor(config) {
    this.#config = config;
  }

  get #home() {
    return `${location.origin}/`;
  }

  async login() {
    this.#token = null;
    leaving ??= this.#leave().finally(() => (leaving = null));
    await leaving;
    return never();
  }

  async #leave() {
    const pending = { state: random(), verifier: random() };
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    const question = new URLSearchParams({
      response_type: "code",
      client_id: this.#config.clientId,
      redirect_uri: this.#home,
      scope: "openid",
      state: pending.state,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    });
    location.assign(`${this.#config.loginUrl}/oauth2/authorize?${question}`);
    return new Promise((done) => setTimeout(done, LEAVING_MS));
  }

  // The second half of a login, when the page was opened by the hosted login's answer.
  async resume() {
    if (!this.#config.authEnabled) return;
    const answer = new URLSearchParams(location.search);
    if (!answer.has("code") && !answer.has("error")) return;
    history.replaceState(null, "", location.pathname); // a code is for one use, and not for the history
    const pending = JSON.parse(sessionStorage.getItem(PENDING));
    sessionStorage.removeItem(PENDING);
    if (!pending || answer.get("state") !== pending.state) throw new Error("this is the answer to no login of this page");
    if (!answer.has("code")) throw new Error("the login was not completed");
    const tokens = await fetch(`${this.#config.loginUrl}/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: this.#config.clientId,
        redirect_uri: this.#home,
        code: answer.get("code"),
        code_verifier: pending.verifier,
      }),
      credentials: "omit",
      redirect: "error",
    });
    if (!tokens.ok) throw new Error("the login was refused");
    const { access_token: token, expires_in: seconds } = await tokens.json();
    this.#token = token;
    this.#expires = Date.now() + seconds * 1000;
  }

  // As `fetch`, for a path of the API: sends the token, and goes to the login when there is none or the API refuses it.
  // `action` tells calls of one path apart.
  async authedFetch(path, options = {}, action = "") {
    const url = new URL(path, this.#config.apiUrl);
    if (url.origin !== new URL(this.#config.apiUrl).origin) throw new TypeError("the token is for the API alone");
    if (!this.#config.authEnabled) return fetch(url, { ...options, credentials: "omit", redirect: "error" });
    if (this.#token === null || Date.now() >= this.#expires) return this.login();
    const headers = new Headers(options.headers);
    headers.set("Authorization", `Bearer ${this.#token}`);
    const request = new Request(url, { ...options, headers, credentials: "omit", redirect: "error" });
    const call = `${request.method} ${url.pathname} ${action}`.trim(); // the query may differ each time
    let response;
    try {
      response = await fetch(request);
    } catch (error) {
      // The edge's own 401 has no CORS headers on AWS: for a page it looks like a network that is down.
      if (!(error instanceof TypeError)) throw error; // the caller's own `signal`
      return this.#refused(call, "the API cannot be reached, or refuses a fresh login");
    }
    if (response.status === 401) return this.#refused(call, "the API refuses a fresh login");
    this.#taken = true;
    const calls = refusedCalls();
    if (calls.delete(call)) keepRefused(calls);
    return response;
  }

  // To the login, once: told is the second refusal of a call, whatever was answered in between, and any refusal after one
  // while nothing was.  The token is kept then: another login would change nothing.
  #refused(call, message) {
    const calls = refusedCalls();
    const again = calls.has(call) || (calls.size > 0 && !this.#taken);
    keepRefused(calls.add(call));
    if (again && leaving === null) throw new Error(message);
    return this.login();
  }

  async logout() {
    this.#token = null;
    sessionStorage.clear();
    const question = new URLSearchParams({ client_id: this.#config.clientId, logout_uri: this.#home });
    location.assign(`${this.#config.loginUrl}/logout?${question}`);
    return never();
  }
}
