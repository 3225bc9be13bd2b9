"""The page `ui/` in a headless Chromium: the hosted login with PKCE, and its `authedFetch`.

Each test says so when it is skipped because no Chromium is installed.
"""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = [
    pytest.mark.stack,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the provider's own dependencies
]


# A content blocker that dislikes one action: to a page it looks like a network that is down.
BLOCKS = """
    const through = window.fetch;
    window.fetch = async (request, options) => {
        const body = request instanceof Request ? await request.clone().text() : "";
        const blocked = localStorage.blocked;
        if (!blocked || !body.includes(blocked)) return through(request, options);
        localStorage.seen = Number(localStorage.seen ?? 0) + 1;
        throw new TypeError("blocked");
    };"""
SESSION_WITH_A_TOKEN_OF_NO_ONE = """
    (async () => {
        const { Session } = await import("./session.js");
        const config = await (await fetch("config.json")).json();
        const fetched = window.fetch;
        const answer = { access_token: "t", expires_in: 60 };
        window.fetch = () => Promise.resolve(new Response(JSON.stringify(answer)));
        sessionStorage.setItem("pending-login", JSON.stringify({ state: "s", verifier: "v" }));
        history.replaceState(null, "", "?code=c&state=s");
        const session = new Session(config);
        await session.resume();
        window.fetch = fetched;
        %s
    })()"""


@pytest.fixture
def ui(local, provider, monkeypatch):
    """The page's URL; its `config.json` names the OpenID provider as the hosted login."""
    monkeypatch.setitem(local.variables, "LoginUrl", provider)
    return local.stack.outputs["UiUrl"] + "/"


@pytest.fixture
def api(local):
    return local.stack.outputs["Url"]


def log_in(page, ui, user):
    page.open(ui)
    consent(page, user)
    page.wait_for_text("Signed in")


def consent(page, user):
    page.wait_for("document.querySelector('input[name=sub]')")
    page.evaluate(f"document.querySelector('input[name=sub]').value = {json.dumps(user)}")
    page.evaluate("document.querySelector('input[name=sub]').form.querySelector('button').click()")


def run(page, dataset):
    page.evaluate(f"document.querySelector('input[name=dataset]').value = {json.dumps(dataset)}")
    page.evaluate("document.querySelector('#orchestrate button').click()")


def question(request):
    return {name: values[0] for name, values in parse_qs(urlsplit(request["url"]).query).items()}


def authorization(request):
    return next(
        (value for name, value in request["headers"].items() if name.lower() == "authorization"),
        None,
    )


def sent_to(page, url, *, method=None):
    return [
        r for r in page.requests() if r["url"].startswith(url) and method in {None, r["method"]}
    ]


def actions(page, api, action):
    """The calls of one action."""
    sent = sent_to(page, f"{api}/orchestrate", method="POST")
    return [r for r in sent if json.loads(r["postData"])["action"] == action]


def test_a_login_is_the_code_flow_with_pkce(page, ui, provider, local):
    log_in(page, ui, "alice")
    (asked,) = sent_to(page, f"{provider}/oauth2/authorize", method="GET")
    asked = question(asked)
    assert asked.pop("state")
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "client_id": local.stack.outputs["WebClientId"],
        "redirect_uri": ui,
        "scope": "openid",
        "code_challenge_method": "S256",
    }
    (exchanged,) = sent_to(page, f"{provider}/oauth2/token")
    # The provider refuses one that does not fit its challenge.
    assert "code_verifier=" in exchanged["postData"]
    assert "secret" not in exchanged["postData"]
    assert page.evaluate("location.href") == ui  # no code in the address bar or the history


def test_the_providers_check_of_pkce_is_a_real_one(page, ui, provider):
    """The fixture that stands for Cognito must refuse, or the test above shows nothing."""
    page.open(ui)
    page.wait_for("document.querySelector('input[name=sub]')")
    page.evaluate(
        "history.replaceState(null, '', "
        "location.href.replace(/code_challenge=[^&]*/, 'code_challenge=another'))"
    )
    page.evaluate("document.querySelector('input[name=sub]').form.action = location.href")
    consent(page, "alice")
    page.wait_for_text("the login was refused")


def test_the_same_page_logs_in_at_the_local_cognito(page, local):
    page.open(local.stack.outputs["UiUrl"])
    page.wait_for("document.querySelector('#password')")
    page.evaluate("document.querySelector('#username').value = 'alice'")
    page.evaluate("document.querySelector('#password').value = 'Local-only-1!'")
    page.evaluate("document.querySelector('form[action=\"/login\"]').submit()")
    page.wait_for_text("Signed in")


def test_the_token_goes_to_the_api_and_nowhere_else(page, ui, api, local):
    log_in(page, ui, "alice")
    run(page, "alpha")
    page.wait_for_text("alpha: SUCCEEDED")
    posted = sent_to(page, f"{api}/orchestrate", method="POST")[-1]
    assert authorization(posted) == f"Bearer {local.token('alice')}"
    bearers = {r["url"].removeprefix(api) for r in page.requests() if authorization(r)}
    assert bearers == {"/orchestrate"}
    assert not [r for r in page.requests() if local.token("alice") in r["url"]]


def test_the_token_is_kept_in_memory_only(page, ui):
    log_in(page, ui, "alice")
    assert (
        page.evaluate(
            "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])"
        )
        == "[[],[]]"
    )
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example/orchestrate", "http://127.0.0.1:9/"]
)
def test_the_token_is_never_sent_to_another_origin(page, ui, path):
    log_in(page, ui, "alice")
    before = len(page.requests())
    answered = page.evaluate(f"""
        (async () => {{
            const {{ Session }} = await import("./session.js");
            const session = new Session(await (await fetch("config.json")).json());
            return session.authedFetch({json.dumps(path)})
                .then(() => "sent", (error) => error.message);
        }})()""")
    assert answered == "the token is for the API alone"
    assert [urlsplit(r["url"]).path for r in page.requests()[before:]] == ["/config.json"]


def test_two_users_see_their_own_jobs(browser, ui):
    alice, bob = browser.page(), browser.page()
    log_in(alice, ui, "alice")
    log_in(bob, ui, "bob")
    run(alice, "for-alice")
    alice.wait_for_text("for-alice: SUCCEEDED")
    run(bob, "for-bob")
    bob.wait_for_text("for-bob: SUCCEEDED")
    assert "for-alice" not in bob.evaluate("document.body.innerText")
    run(alice, "another")
    alice.wait_for_text("another: SUCCEEDED")
    assert "for-bob" not in alice.evaluate("document.body.innerText")


@pytest.fixture
def api_that_refuses(local):
    """The service now expects another client's tokens, so each logged-in caller gets a 401."""
    functions, name = local.aws.client("lambda"), local.stack.functions["Orchestrate"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def expect_client(client_id):
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables | {"CLIENT_ID": client_id}}
        )

    yield lambda: expect_client("someone-elses-app")
    expect_client(variables["CLIENT_ID"])


def test_a_401_leads_to_the_login_and_a_second_one_is_not_a_circle(page, ui, api, api_that_refuses):
    log_in(page, ui, "alice")
    api_that_refuses()
    run(page, "refused")
    consent(page, "alice")  # the page has gone to the login by itself
    page.wait_for_text("the API refuses a fresh login")
    assert len(actions(page, api, "list_jobs")) == 2


@pytest.fixture
def edge(local):
    """The gateway, which can be told to refuse everyone; its own 401 has no CORS headers."""
    gateway, api_id = local.aws.client("apigatewayv2"), local.stack.resources["HttpApi"]
    (authorizer,) = gateway.get_authorizers(ApiId=api_id)["Items"]
    configuration = authorizer["JwtConfiguration"]

    def expect(changed):
        gateway.update_authorizer(
            ApiId=api_id,
            AuthorizerId=authorizer["AuthorizerId"],
            JwtConfiguration=configuration | changed,
        )

    yield SimpleNamespace(
        refuse=lambda: expect({"Audience": ["someone-elses-app"]}), accept=lambda: expect({})
    )
    expect({})


def test_a_401_of_the_edge_leads_to_the_login_and_a_second_one_is_told(page, ui, api, local, edge):
    log_in(page, ui, "alice")
    edge.refuse()
    headers = json.dumps({"headers": {"Authorization": f"Bearer {local.token('alice')}"}})
    answered = page.evaluate(
        f"fetch({json.dumps(api + '/orchestrate')}, {headers}).then(() => 'read', e => e.name)"
    )
    assert answered == "TypeError"  # what the page gets to see of that 401
    run(page, "refused")
    consent(page, "alice")  # the page has gone to the login by itself
    page.wait_for_text("the API cannot be reached, or refuses a fresh login")
    assert page.evaluate("location.href") == ui


def test_after_a_refusal_of_the_edge_a_login_that_is_taken_ends_the_matter(page, ui, api, edge):
    log_in(page, ui, "alice")
    edge.refuse()
    run(page, "refused")
    page.wait_for("document.querySelector('input[name=sub]')")
    edge.accept()
    before = len(actions(page, api, "submit"))
    consent(page, "alice")
    page.wait_for_text("Signed in")
    assert page.evaluate("Object.entries(sessionStorage)") == [
        ["refused-calls", '["POST /orchestrate submit"]']
    ]
    # What was refused is not sent again.
    assert len(actions(page, api, "submit")) == before
    run(page, "taken")
    page.wait_for_text("taken: SUCCEEDED")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_route_that_always_fails_is_told_on_the_second_click_though_others_answer(
    page, ui, api, provider
):
    log_in(page, ui, "alice")
    page.before_each_document(BLOCKS)
    page.evaluate("localStorage.blocked = 'submit'")
    run(page, "first")
    consent(page, "alice")  # once: the page cannot tell this from a 401 of the edge
    page.wait_for_text("Signed in")  # so `list_jobs` has been answered
    for dataset in ["second", "third"]:
        run(page, dataset)
        page.wait_for_text("the API cannot be reached, or refuses a fresh login")
        assert page.evaluate("document.querySelector('input[name=dataset]').value") == dataset
        page.evaluate("document.querySelector('#state').textContent = ''")
    assert len(sent_to(page, f"{provider}/oauth2/token", method="POST")) == 2
    assert page.evaluate("Number(localStorage.seen)") == 3  # one for each click
    page.evaluate("delete localStorage.blocked")
    run(page, "unblocked")  # and no login: the token was good all the time
    page.wait_for_text("unblocked: SUCCEEDED")
    assert len(sent_to(page, f"{provider}/oauth2/token", method="POST")) == 2
    assert page.evaluate("sessionStorage.length") == 0


def test_calls_that_are_refused_together_share_one_login_and_none_is_told(page, ui, provider):
    log_in(page, ui, "alice")
    before = len(sent_to(page, f"{provider}/oauth2/authorize?", method="GET"))
    page.evaluate(
        SESSION_WITH_A_TOKEN_OF_NO_ONE
        % """
            let left = 2, release;
            const both = new Promise((done) => (release = done));
            window.fetch = (request) => fetched(request).finally(() => (--left || release(), both));
            const told = (error) => sessionStorage.setItem("told", error.message);
            session.authedFetch("/orchestrate", { method: "POST" }, "submit").catch(told);
            session.authedFetch("/orchestrate", { method: "POST" }, "metrics").catch(told);"""
    )
    consent(page, "alice")
    page.wait_for_text("Signed in")
    stored = page.evaluate("Object.fromEntries(Object.entries(sessionStorage))")
    assert "told" not in stored, stored
    # Both before it left.
    assert sorted(json.loads(stored["refused-calls"])) == [
        "POST /orchestrate metrics",
        "POST /orchestrate submit",
    ]
    assert len(sent_to(page, f"{provider}/oauth2/authorize?", method="GET")) == before + 1


def test_a_network_that_is_down_is_no_circle_of_logins(page, ui, provider, local, monkeypatch):
    with socket.socket() as bound:  # never listening: every connection is refused
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setitem(local.variables, "Url", f"http://127.0.0.1:{bound.getsockname()[1]}")
        page.open(ui)
        page.wait_for("document.querySelector('input[name=sub]')")
        first = json.dumps(page.evaluate("location.href"))
        consent(page, "alice")
        page.wait_for(f"location.origin === {json.dumps(provider)} && location.href !== {first}")
        consent(page, "alice")
        page.wait_for_text("the API cannot be reached, or refuses a fresh login")
        assert len(sent_to(page, f"{provider}/oauth2/token", method="POST")) == 2


def test_a_call_that_the_page_itself_gives_up_is_no_refusal(page, ui, provider):
    log_in(page, ui, "alice")
    before = len(sent_to(page, provider))
    answered = page.evaluate(
        SESSION_WITH_A_TOKEN_OF_NO_ONE
        % """
            Session.prototype.login = () => { throw new Error("login"); };
            return session.authedFetch("/orchestrate", { signal: AbortSignal.abort() })
                .then(() => "sent", (e) => e.name);"""
    )
    assert answered == "AbortError"
    assert page.evaluate("sessionStorage.length") == 0
    assert len(sent_to(page, provider)) == before


def test_an_expired_token_is_not_sent_but_renewed(page, ui, api):
    log_in(page, ui, "alice")
    page.evaluate("const now = Date.now; Date.now = () => now() + 2 * 3600 * 1000")
    run(page, "too-late")
    page.wait_for("document.querySelector('input[name=sub]')")
    assert actions(page, api, "submit") == []


def test_an_answer_to_no_login_is_refused(page, ui, provider):
    page.open(f"{ui}?code=stolen&state=guessed")
    page.wait_for_text("this is the answer to no login of this page")
    assert sent_to(page, f"{provider}/oauth2/token") == []
    assert page.evaluate("location.search") == ""


def test_an_answer_with_another_state_is_refused(page, ui, provider):
    """Login CSRF: an attacker's code in a victim's page, during the victim's own login."""
    page.open(ui)
    page.wait_for("document.querySelector('input[name=sub]')")
    page.open(f"{ui}?code=attackers&state=attackers")
    page.wait_for_text("this is the answer to no login of this page")
    assert sent_to(page, f"{provider}/oauth2/token") == []


def test_sign_out_ends_the_session_at_the_login_too(page, ui, provider):
    log_in(page, ui, "alice")
    page.evaluate("document.querySelector('#sign-out').click()")
    page.wait_for("document.querySelector('input[name=sub]')")
    # Which answers only to the right client and address.
    assert len(sent_to(page, f"{provider}/logout")) == 1


def test_a_page_of_another_origin_cannot_read_the_api(page, ui, provider, api, local):
    page.open(f"{provider}/")
    page.wait_for("document.readyState === 'complete'")
    headers = json.dumps({"headers": {"Authorization": f"Bearer {local.token('alice')}"}})
    answered = page.evaluate(
        f"fetch({json.dumps(api + '/orchestrate')}, {headers}).then(() => 'read', e => e.name)"
    )
    assert answered == "TypeError"


def test_what_a_job_is_called_is_text_and_no_markup(page, ui):
    log_in(page, ui, "alice")
    page.evaluate("document.querySelector('input[name=dataset]').removeAttribute('pattern')")
    run(page, "<img src=x onerror=alert(1)>")
    page.wait_for_text("400: ")
    assert page.evaluate("document.querySelectorAll('img').length") == 0


def test_before_the_login_nothing_of_the_platform_is_shown(page, ui):
    page.open(ui)
    page.wait_for("document.querySelector('input[name=sub]')")  # it has gone to the login
    page.evaluate("history.back()")
    page.wait_for("document.querySelector('#platform')")
    assert page.evaluate("document.querySelector('#platform').hidden") is True


def test_without_authentication_the_page_asks_nobody_to_log_in(page, ui, local, provider, folder):
    parameters = {
        "EnableAuth": "false",
        "AllowedOrigin": local.stack.outputs["UiUrl"],
        "DomainPrefix": "platform-open-page",
        "JobQueueArn": "arn:aws:batch:us-east-1:000000000000:job-queue/platform",
        "JobDefinitionArn": "arn:aws:batch:us-east-1:000000000000:job-definition/pipeline:1",
    }
    opened = local.aws.deploy(folder / "template.yaml", parameters=parameters, stack_name="page")
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(local.variables, "WebClientId")
        patch.setitem(local.variables, "Url", opened.outputs["Url"])
        page.open(ui)
        page.wait_for_text("Open to everybody")
        run(page, "open-page")
        page.wait_for_text("open-page: SUCCEEDED")
    assert page.evaluate("document.querySelector('#sign-out').hidden") is True
    assert sent_to(page, provider) == []
    assert not [r for r in page.requests() if authorization(r)]
