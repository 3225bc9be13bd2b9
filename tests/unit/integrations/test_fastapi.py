"""The dependencies of a FastAPI application, and what `protect` makes of it."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from authz_lib import CedarEngine, DecisionPoint, Entity, EntityUid, Principal, errors
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    CurrentPrincipal,
    Requires,
    authenticated,
    protect,
    public,
)
from authz_lib.smithy.errors import conflict

POLICIES = CedarEngine.from_text(
    """
    permit(principal, action == Action::"Cancel", resource is Order)
    when { resource.owner == principal };
    permit(principal, action == Action::"Open", resource == Shop::"main")
    when { context.till == "1" };
    """
)
SHOP = EntityUid("Shop", "main")
Caller = Annotated[Principal, CurrentPrincipal]
SEEN = ContextVar("seen", default="nothing")


class Row:
    """An order as a database has it."""

    def __init__(self, order_id):
        self.id, self.owner = order_id, "alice"


def entity_of(row):
    return Entity(EntityUid("Order", row.id), attrs={"owner": EntityUid("User", row.owner)})


def load_row(order_id: str):
    return None if order_id == "gone" else Row(order_id)


def till(x_till: Annotated[str, Header()] = "0"):
    return {"till": x_till}


async def aload_order(order_id: str):
    return entity_of(Row(order_id))


class Store(DecisionPoint):
    """The engine behind something that waits, as a store elsewhere is."""

    vocabulary, log, on_evaluation_error = POLICIES.vocabulary, POLICIES.log, "deny"
    identity = "a store"

    def __init__(self, before):
        self.before = before

    def decide(self, question):
        self.before()
        return POLICIES.decide(question)

    def decide_batch(self, questions):
        return [self.decide(question) for question in questions]


@pytest.fixture
def authorization(tokens):
    return AppAuthorization.standalone(
        verifier=tokens.verifier, tenant_claim=None, decisions=POLICIES
    )


@pytest.fixture
def app(authorization):
    app = FastAPI(openapi_url=None)
    protect(app, authorization)
    return app


class TestRequires:
    def test_the_policies_decide(self, app, ask, tokens):
        @app.delete("/orders/{order_id}")
        def cancel(order: Annotated[Entity, Requires("Cancel", resource=aload_order)]):
            return order.uid.id

        assert ask(app, "DELETE", "/orders/7", tokens.bearer("alice")).json() == "7"
        assert ask(app, "DELETE", "/orders/7", tokens.bearer("bob")).status_code == 403
        assert ask(app, "DELETE", "/orders/7").status_code == 401

    def test_it_gives_what_was_loaded(self, app, ask, tokens):
        @app.delete("/orders/{order_id}")
        def cancel(
            row: Annotated[Row, Requires("Cancel", resource=load_row, entity=entity_of)],
            same: Annotated[Row, Depends(load_row)],
            caller: Caller,
        ):
            return [row.owner, row is same, caller.subject]

        said = ask(app, "DELETE", "/orders/7", tokens.bearer())
        assert said.json() == ["alice", True, "alice"]

    def test_it_stands_among_the_dependencies_too(self, app, ask, tokens):
        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=aload_order)])
        def cancel(order_id: str):
            return order_id

        assert ask(app, "DELETE", "/orders/7", tokens.bearer()).json() == "7"
        assert ask(app, "DELETE", "/orders/7", tokens.bearer("bob")).status_code == 403

    def test_what_is_not_there_is_a_404(self, app, ask, tokens):
        @app.delete("/orders/{order_id}")
        def cancel(
            row: Annotated[Row, Requires("Cancel", resource=load_row, entity=entity_of)],
        ):
            raise AssertionError("it is never asked")

        said = ask(app, "DELETE", "/orders/gone", tokens.bearer())
        assert (said.status_code, said.json()["__type"]) == (404, "ResourceNotFoundException")
        assert ask(app, "DELETE", "/orders/gone").status_code == 401

    def test_one_resource_for_all_and_a_context(self, app, ask, tokens):
        @app.post("/open")
        def open_shop(caller: Annotated[Principal, Requires("Open", resource=SHOP, context=till)]):
            return caller.subject

        assert ask(app, "POST", "/open", {**tokens.bearer(), "X-Till": "1"}).json() == "alice"
        assert ask(app, "POST", "/open", tokens.bearer()).status_code == 403

    def test_scopes_are_needed_all_of_them(self, app, ask, tokens):
        @app.get("/orders")
        def orders(caller: Annotated[Principal, Requires(scopes=["orders/read", "orders/all"])]):
            return caller.subject

        both = tokens.bearer(scope="orders/all x orders/read")
        assert ask(app, "GET", "/orders", both).json() == "alice"
        said = ask(app, "GET", "/orders", tokens.bearer(scope="orders/read"))
        assert said.status_code == 403
        assert said.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'

    def test_nothing_is_loaded_for_who_may_not(self, app, ask, tokens):
        loaded = []

        def load(order_id: str):
            loaded.append(order_id)
            return entity_of(Row(order_id))

        @app.delete(
            "/orders/{order_id}",
            dependencies=[Requires("Cancel", resource=load, scopes=["orders/write"])],
        )
        def cancel():
            return "done"

        assert ask(app, "DELETE", "/orders/7").status_code == 401
        assert ask(app, "DELETE", "/orders/7", tokens.bearer()).status_code == 403
        assert loaded == []
        allowed = tokens.bearer(scope="orders/write")
        assert ask(app, "DELETE", "/orders/7", allowed).json() == "done"
        assert loaded == ["7"]

    def test_what_cannot_be_loaded_lets_nobody_pass(self, app, ask, tokens):
        failures = {
            "http": HTTPException(418, "tea"),
            "smithy": conflict("locked"),
            "outage": errors.DependencyError("no database"),
            "bug": ZeroDivisionError("secret"),
        }

        def load(order_id: str):
            raise failures[order_id]

        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=load)])
        def cancel():
            raise AssertionError("it is never asked")

        said = {name: ask(app, "DELETE", f"/orders/{name}", tokens.bearer()) for name in failures}
        assert {name: answer.status_code for name, answer in said.items()} == {
            "http": 418,
            "smithy": 409,
            "outage": 503,
            "bug": 500,
        }
        assert "secret" not in said["bug"].text

    @pytest.mark.parametrize("loaded", [False, 0, "", {}, [], "Order::7", Row("7"), object(), True])
    def test_what_is_no_entity_lets_nobody_pass(self, app, ask, tokens, loaded):
        @app.delete("/orders", dependencies=[Requires("Cancel", resource=lambda: loaded)])
        def cancel():
            raise AssertionError("it is never asked")

        assert ask(app, "DELETE", "/orders", tokens.bearer()).status_code == 500

    @pytest.mark.parametrize("given", [None, False, "", 0, [], "till"])
    def test_a_context_that_is_no_mapping_lets_nobody_pass(self, app, ask, tokens, given):
        @app.post("/open", dependencies=[Requires("Open", resource=SHOP, context=lambda: given)])
        def open_shop():
            raise AssertionError("it is never asked")

        assert ask(app, "POST", "/open", tokens.bearer()).status_code == 500

    def test_a_function_that_nobody_awaits_lets_nobody_pass(self, app, ask, tokens):
        waiting = []

        def load(order_id: str):
            waiting.append(aload_order(order_id))
            return waiting[0]

        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=load)])
        def cancel():
            raise AssertionError("it is never asked")

        assert ask(app, "DELETE", "/orders/7", tokens.bearer()).status_code == 500
        waiting[0].close()

    def test_each_of_several_must_let_pass(self, app, ask, tokens):
        @app.delete(
            "/orders/{order_id}",
            dependencies=[
                authenticated(),
                Requires(scopes=["orders/write"]),
                Requires("Cancel", resource=aload_order),
            ],
        )
        def cancel():
            return "done"

        write = {"scope": "orders/write"}
        assert ask(app, "DELETE", "/orders/7", tokens.bearer("alice", **write)).json() == "done"
        assert ask(app, "DELETE", "/orders/7", tokens.bearer("bob", **write)).status_code == 403
        assert ask(app, "DELETE", "/orders/7", tokens.bearer("alice")).status_code == 403

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"action": ""},
            {"action": "Cancel"},
            {"action": "Cancel", "resource": "Order"},
            {"action": "Cancel", "resource": SHOP, "entity": entity_of},
            {"action": "Cancel", "resource": load_row, "entity": aload_order},
            {"action": "Cancel", "resource": load_row, "context": {"till": "1"}},
            {"action": "Cancel", "resource": load_row, "scopes": "orders/read"},
            {"action": "Cancel", "resource": load_row, "scopes": [""]},
            {"resource": load_row},
            {"scopes": ["a"], "resource": load_row},
            {"scopes": ["a"], "context": load_row},
            {"scopes": ["a"], "entity": entity_of},
        ],
    )
    def test_what_makes_no_sense_is_refused_when_it_is_written(self, arguments):
        with pytest.raises(errors.ConfigurationError):
            Requires(**arguments)


class TestTheOthers:
    def test_authenticated_lets_every_known_caller_pass(self, app, ask, tokens):
        @app.get("/me")
        def me(caller: Annotated[Principal, authenticated()]):
            return caller.subject

        assert ask(app, "GET", "/me", tokens.bearer("bob")).json() == "bob"
        assert ask(app, "GET", "/me").status_code == 401

    def test_public_lets_everybody_pass_and_asks_nobody(self, app, ask):
        @app.get("/health", dependencies=[public()])
        def health():
            return "ok"

        assert ask(app, "GET", "/health").json() == "ok"
        assert ask(app, "GET", "/health", {"Authorization": "Bearer nonsense"}).json() == "ok"

    def test_a_caller_by_itself_decides_nothing(self, app, ask, tokens):
        @app.get("/me")
        def me(caller: Caller):
            return caller.subject

        assert ask(app, "GET", "/me", tokens.bearer()).status_code == 500

    def test_a_caller_is_found_out_once(self, ask, tokens):
        asked = []

        class Counting:
            issuers = tokens.verifier.issuers

            def verify(self, token):
                asked.append(token)
                return tokens.verifier.verify(token)

        app = FastAPI(openapi_url=None)
        protect(app, AppAuthorization.standalone(verifier=Counting(), tenant_claim=None))

        @app.get("/me", dependencies=[Requires(scopes=["a"]), authenticated()])
        def me(caller: Caller, again: Annotated[Principal, authenticated()]):
            return caller is again

        assert ask(app, "GET", "/me", tokens.bearer(scope="a")).json() is True
        assert len(asked) == 1

    def test_a_test_may_say_who_calls(self, app, ask):
        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=aload_order)])
        def cancel(caller: Caller):
            return caller.subject

        for name, status in (("alice", 200), ("bob", 403)):
            app.dependency_overrides[CurrentPrincipal.dependency] = lambda: Principal(name)  # noqa: B023
            assert ask(app, "DELETE", "/orders/7").status_code == status

    def test_an_override_of_a_decision_decides_nothing(self, app, ask):
        decision = authenticated()

        @app.get("/me")
        def me(caller: Annotated[Principal, decision]):
            return caller.subject

        app.dependency_overrides[decision.dependency] = lambda: Principal("alice")
        assert ask(app, "GET", "/me").status_code == 500


class TestErrors:
    def test_an_application_may_answer_its_own_way(self, app, ask):
        @app.exception_handler(errors.AuthenticationError)
        async def sign_in(request, error):
            return JSONResponse({"go": "/login"}, 401)

        @app.get("/me", dependencies=[authenticated()])
        def me():
            return "me"

        assert ask(app, "GET", "/me").json() == {"go": "/login"}

    def test_what_a_function_raises_is_answered(self, app, ask, tokens):
        @app.get("/me", dependencies=[authenticated()])
        def me():
            raise errors.AccessDeniedError("not this one")

        assert ask(app, "GET", "/me", tokens.bearer()).status_code == 403

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_page_of_another_origin_reads_refusals(self, authorization, ask, is_first):
        app = FastAPI(openapi_url=None)
        if is_first:
            app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
        protect(app, authorization)
        if not is_first:
            app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])

        @app.get("/me", dependencies=[authenticated()])
        def me():
            return "me"

        said = ask(app, "GET", "/me", {"Origin": "https://shop.example"})
        assert said.status_code == 401
        assert said.headers["access-control-allow-origin"] == "https://shop.example"
        preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        assert ask(app, "OPTIONS", "/me", preflight).status_code == 200

    def test_who_is_not_known_learns_nothing_of_the_parameters(self, app, ask, tokens):
        @app.get("/orders/{number}", dependencies=[authenticated()])
        def order(number: int):
            return number

        assert ask(app, "GET", "/orders/x").status_code == 401
        assert ask(app, "GET", "/orders/x", tokens.bearer()).status_code == 422

    def test_a_store_that_is_down_is_a_503(self, ask, tokens):
        def no_answer():
            raise errors.PolicyStoreUnavailableError("no answer")

        store = Store(no_answer)
        app = FastAPI(openapi_url=None)
        protect(
            app,
            AppAuthorization.standalone(
                verifier=tokens.verifier, tenant_claim=None, decisions=store
            ),
        )

        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=aload_order)])
        def cancel():
            raise AssertionError("it is never asked")

        said = ask(app, "DELETE", "/orders/7", tokens.bearer())
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")


class TestTheEventLoop:
    def test_it_is_not_blocked_by_a_store(self, tokens, ask):
        """While a store is asked, the loop runs: else the store would wait for ever."""
        asked, answer, threads = threading.Event(), threading.Event(), []

        def wait():
            threads.append(threading.current_thread())
            asked.set()
            assert answer.wait(10)

        store = Store(wait)
        app = FastAPI(openapi_url=None)
        protect(
            app,
            AppAuthorization.standalone(
                verifier=tokens.verifier, tenant_claim=None, decisions=store
            ),
        )

        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=aload_order)])
        async def cancel():
            return "done"

        @app.get("/health", dependencies=[public()])
        async def health():
            while not asked.is_set():
                await asyncio.sleep(0)
            answer.set()
            return "ok"

        async def both():
            import httpx

            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
                return await asyncio.gather(
                    client.delete("/orders/7", headers=tokens.bearer()), client.get("/health")
                )

        assert [said.json() for said in asyncio.run(both())] == ["done", "ok"]
        assert threads[0].name.startswith("authz-lib-worker")

    def test_context_variables_are_kept(self, app, ask, tokens):
        async def load(order_id: str):
            SEEN.set(order_id)
            return entity_of(Row(order_id))

        @app.delete("/orders/{order_id}", dependencies=[Requires("Cancel", resource=load)])
        async def cancel():
            return SEEN.get()

        assert ask(app, "DELETE", "/orders/7", tokens.bearer()).json() == "7"


class TestProtect:
    def test_once(self, app, authorization):
        with pytest.raises(errors.ConfigurationError, match="already"):
            protect(app, authorization)

    def test_before_it_starts(self, authorization, ask):
        app = FastAPI()
        ask(app, "GET", "/")
        with pytest.raises(errors.ConfigurationError, match="started"):
            protect(app, authorization)

    @pytest.mark.parametrize("other", [None, object(), FastAPI])
    def test_an_application_of_fastapi(self, authorization, other):
        with pytest.raises(errors.ConfigurationError, match="`app`"):
            protect(other, authorization)

    @pytest.mark.parametrize("other", [None, "standalone", AppAuthorization])
    def test_with_an_authorization(self, other):
        with pytest.raises(errors.ConfigurationError, match="`authorization`"):
            protect(FastAPI(), other)

    def test_docs_is_one_of_two_words(self, authorization):
        with pytest.raises(errors.ConfigurationError, match="`docs`"):
            protect(FastAPI(), authorization, docs="private")

    def test_an_application_that_is_not_protected_answers_nobody(self, ask, tokens):
        app = FastAPI()

        @app.get("/me", dependencies=[authenticated()])
        def me():
            raise AssertionError("it is never asked")

        assert ask(app, "GET", "/me", tokens.bearer()).status_code == 500


class TestDocumentation:
    PATHS = ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")

    def test_it_needs_a_word(self, authorization, ask):
        app = FastAPI()
        protect(app, authorization)
        for path in self.PATHS:
            assert ask(app, "GET", path).status_code == 500

    def test_everybody_may_read_it(self, authorization, ask):
        app = FastAPI()
        protect(app, authorization, docs="public")
        for path in self.PATHS:
            assert ask(app, "GET", path).status_code == 200

    def test_known_callers_may_read_it(self, authorization, ask, tokens):
        app = FastAPI()
        protect(app, authorization, docs="authenticated")
        for path in self.PATHS:
            assert ask(app, "GET", path).status_code == 401
            assert ask(app, "HEAD", path).status_code == 401
            assert ask(app, "GET", path, tokens.bearer()).status_code == 200

    def test_a_route_of_ones_own_is_none(self, authorization, ask):
        app = FastAPI(docs_url=None)
        protect(app, authorization, docs="public")
        app.add_route("/docs", lambda request: JSONResponse("mine"))
        assert ask(app, "GET", "/docs").status_code == 500
