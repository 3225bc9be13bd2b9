"""The example on the local AWS, with an OpenID provider as its login, and a headless Chromium.

Chromium is driven by its DevTools protocol over a pipe (`--remote-debugging-pipe`: NUL-terminated
JSON on the file descriptors 3 and 4), so the tests need no driver and no WebSocket package: only a
browser, as Debian's `chromium`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import threading
import time
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "secure_by_default"
CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)
PATIENCE = 15


@pytest.fixture(scope="session")
def folder():
    return FOLDER


@pytest.fixture(scope="module")
def local():
    from authz_local.local_scenario import LocalScenario

    with LocalScenario(FOLDER) as scenario:
        yield scenario


# -- the OpenID provider


@pytest.fixture(scope="module")
def provider(local):
    """`oidc-provider-mock` as the pool's hosted login, with the pool's own access tokens."""
    with warnings.catch_warnings(action="ignore"):  # of its own dependencies
        module = pytest.importorskip(
            "oidc_provider_mock", reason="SKIPPED: `oidc-provider-mock` is not installed"
        )
    import flask
    import werkzeug.serving

    app = flask.Flask("oidc_provider_mock")  # its templates are found by this name
    app.secret_key = os.urandom(16)
    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = lambda client, grant_type, user, scope: (
        local.token(user.sub)
    )
    add_what_the_mock_lacks(app, local)
    module.init_app(app)
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
        server.server_close()


def add_what_the_mock_lacks(app, local):
    """Check PKCE, callback URLs and CORS, and serve `/logout`, as Cognito does."""
    from flask import jsonify, redirect, request

    home = f"{local.stack.outputs['UiUrl']}/"
    client_id = local.stack.outputs["WebClientId"]
    challenges = {}

    def authorize_is_wrong():
        expected = {
            "redirect_uri": home,
            "client_id": client_id,
            "code_challenge_method": "S256",
            "scope": "openid",
        }
        asked = request.args
        return any(asked.get(name) != value for name, value in expected.items()) or not asked.get(
            "code_challenge"
        )

    def token_is_wrong():
        if "client_secret" in request.form or "Authorization" in request.headers:
            return True  # a browser has no secret
        # The mock has no public clients; it takes any secret.
        request.environ["HTTP_AUTHORIZATION"] = (
            f"Basic {base64.b64encode(f'{client_id}:any'.encode()).decode()}"
        )
        verifier = request.form.get("code_verifier", "")
        return len(verifier) < 43 or challenges.pop(request.form.get("code"), None) != s256(
            verifier
        )

    checks = {
        "/oauth2/authorize": (authorize_is_wrong, "invalid_request"),
        "/oauth2/token": (token_is_wrong, "invalid_grant"),
    }

    @app.before_request
    def refuse():
        wrong, error = checks.get(request.path, (bool, ""))
        return (jsonify(error=error), 400) if wrong() else None

    @app.after_request
    def remember(response):
        if request.path == "/oauth2/authorize" and response.location:
            for code in parse_qs(urlsplit(response.location).query).get("code", []):
                challenges[code] = request.args["code_challenge"]
        if request.path == "/oauth2/token":
            response.headers["Access-Control-Allow-Origin"] = home.rstrip("/")
        return response

    @app.get("/logout")
    def logout():
        assert request.args.to_dict() == {"client_id": client_id, "logout_uri": home}
        return redirect(home)


def s256(verifier):
    """RFC 7636, section 4.2."""
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )


# -- the browser


class Chromium:
    """One browser process; `page()` opens a page that shares nothing with the others."""

    def __init__(self, profile):
        commands, self._commands = self._pipe()
        self._answers, answers = self._pipe()
        words = [
            CHROMIUM,
            *FLAGS,
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={profile}",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{commands} 4>&{answers}', *words],
            env={**os.environ, "HOME": str(profile)},
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands)
        os.close(answers)
        self._buffer = b""
        self._ids = count(1)
        self.events = []

    @staticmethod
    def _pipe():
        """A pipe whose ends are far from the numbers 3 and 4."""
        ends = os.pipe()
        far = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
        for end in ends:
            os.close(end)
        return far

    def send(self, method, *, session=None, patience=PATIENCE, **parameters):
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + patience
        while True:
            answer = self._read(deadline)
            if answer.get("id") == number:
                return answer
            if "method" in answer:
                self.events.append(answer)

    def _read(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select(
                [self._answers], [], [], max(0, deadline - time.monotonic())
            )
            if not ready:
                raise TimeoutError("Chromium did not answer")
            part = os.read(self._answers, 65536)
            if not part:
                raise ConnectionError("Chromium ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def page(self):
        context = self.send("Target.createBrowserContext")["result"]["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)[
            "result"
        ]["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["result"][
            "sessionId"
        ]
        for domain in ["Page", "Network", "Runtime"]:
            self.send(f"{domain}.enable", session=session)
        return Page(self, session)

    def close(self):
        with suppress(OSError, TimeoutError):
            self.send("Browser.close", patience=5)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)


FLAGS = [
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    # This machine, or nothing.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
]


class Page:
    """One page, and the requests it has made."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session

    def open(self, url):
        answer = self._browser.send("Page.navigate", session=self._session, url=url)
        assert "errorText" not in answer["result"], answer

    def before_each_document(self, script):
        """Run a script before those of the page, in this document and each that follows."""
        self.evaluate(script)
        self._browser.send(
            "Page.addScriptToEvaluateOnNewDocument", session=self._session, source=script
        )

    def evaluate(self, expression, patience=PATIENCE):
        answer = self._browser.send(
            "Runtime.evaluate",
            session=self._session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
            patience=patience,
        )
        if "error" in answer or "exceptionDetails" in answer["result"]:
            raise ScriptError(answer)
        return answer["result"]["result"].get("value")

    def wait_for(self, condition):
        """Wait, in the page, until an expression holds; a navigation starts the wait anew."""
        look = f"({condition}) ? done(true) : setTimeout(look, 20)"
        promise = f"new Promise(done => {{ const look = () => {look}; look() }})"
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            with suppress(ScriptError):
                self.evaluate(promise, patience=left)
                return
        raise TimeoutError(condition)

    def wait_for_text(self, text):
        try:
            self.wait_for(f"document.body?.innerText.includes({json.dumps(text)})")
        except TimeoutError:
            pytest.fail(
                f"never showed {text!r}, but "
                f"{self.evaluate('location.href + document.body.innerText')!r}"
            )

    def requests(self):
        """The requests so far: method, url, headers, body."""
        self.evaluate("1")  # drain what has been said
        return [
            event["params"]["request"]
            for event in self._browser.events
            if event["method"] == "Network.requestWillBeSent"
            and event.get("sessionId") == self._session
        ]


class ScriptError(Exception):
    """The script threw, or its page went away."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip(
            "SKIPPED: no Chromium is installed (Debian: `chromium`); the login page was NOT tested"
        )
    chromium = Chromium(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def page(browser):
    return browser.page()
