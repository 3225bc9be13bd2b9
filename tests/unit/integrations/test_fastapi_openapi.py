"""What OpenAPI says: the schemes, which routes need one, and what refusals look like."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyHeader

from authz_lib import BearerToken, ExpectedGateway, Header, Principal
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    CurrentPrincipal,
    Requires,
    authenticated,
    protect,
    public,
)

NONE = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
KEY = APIKeyHeader(name="x-api-key")
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def application(authorization):
    app = FastAPI()
    protect(app, authorization, docs="public")
    router = APIRouter()

    @router.get("/scoped")
    def scoped(caller: Annotated[Principal, Requires(scopes=["b", "a"])]):
        pass

    @router.get("/me", responses={403: {"description": "my own words"}})
    def me(caller: Annotated[Principal, authenticated()]):
        pass

    @app.get("/health", dependencies=[public()])
    def health():
        pass

    app.include_router(router, prefix="/v1")
    return app


@pytest.fixture
def standalone(tokens):
    return AppAuthorization.standalone(verifier=tokens.verifier, tenant_claim=None)


@pytest.fixture
def document(standalone, ask):
    return ask(application(standalone), "GET", "/openapi.json").json()


def test_the_schemes_are_named(document):
    assert document["components"]["securitySchemes"] == {"Bearer": BEARER}


def test_each_operation_says_what_it_needs(document):
    assert document["paths"]["/v1/scoped"]["get"]["security"] == [{"Bearer": ["a", "b"]}]
    assert document["paths"]["/v1/me"]["get"]["security"] == [{"Bearer": []}]
    assert "security" not in document["paths"]["/health"]["get"]


def test_refusals_are_described(document):
    answers = document["paths"]["/v1/scoped"]["get"]["responses"]
    for status, header in (
        ("401", "WWW-Authenticate"),
        ("403", "WWW-Authenticate"),
        ("503", "Retry-After"),
    ):
        schema = answers[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/AuthorizationError"}
        assert header in answers[status]["headers"]
    assert set(document["paths"]["/health"]["get"]["responses"]) == {"200"}


def test_an_applications_own_words_stay(document):
    assert document["paths"]["/v1/me"]["get"]["responses"]["403"] == {"description": "my own words"}


@pytest.mark.parametrize(
    ("shape", "members"),
    [("smithy", {"__type", "message", "requestId"}), ("standard", {"status", "code", "message"})],
)
def test_the_schema_is_that_of_a_real_answer(tokens, ask, shape, members):
    app = application(
        AppAuthorization.standalone(verifier=tokens.verifier, tenant_claim=None, errors=shape)
    )
    schema = app.openapi()["components"]["schemas"]["AuthorizationError"]
    assert set(schema["properties"]) == set(ask(app, "GET", "/v1/me").json()) == members


def test_several_sources_are_several_ways(tokens):
    app = application(
        AppAuthorization.standalone(
            verifier=tokens.verifier,
            tenant_claim=None,
            token_sources=[BearerToken(), Header("x-token")],
        )
    )
    document = app.openapi()
    assert set(document["components"]["securitySchemes"]) == {"Bearer", "Token-x-token"}
    assert document["paths"]["/v1/scoped"]["get"]["security"] == [
        {"Bearer": ["a", "b"]},
        {"Token-x-token": ["a", "b"]},
    ]


def test_iam_is_named_as_api_gateway_names_it():
    app = application(AppAuthorization.mangum(gateway=ExpectedGateway(kind="http-iam", **NONE)))
    (scheme,) = app.openapi()["components"]["securitySchemes"].values()
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_another_scheme_stays_beside_it(standalone):
    app = FastAPI()
    protect(app, standalone, docs="public")

    @app.get("/both", dependencies=[public()])
    def with_key(given: Annotated[str, Security(KEY)]):
        pass

    @app.get("/me")
    def me(caller: Annotated[Principal, authenticated()]):
        pass

    document = app.openapi()
    assert document["paths"]["/both"]["get"]["security"] == [{"APIKeyHeader": []}]
    assert "401" not in document["paths"]["/both"]["get"]["responses"]
    assert set(document["components"]["securitySchemes"]) == {"APIKeyHeader", "Bearer"}


def test_an_application_without_callers_has_no_schemes(standalone):
    app = FastAPI()
    protect(app, standalone, docs="public")
    app.get("/health", dependencies=[public()])(lambda: "ok")
    assert "components" not in app.openapi()


def test_the_document_is_made_once_and_again_for_a_new_route(standalone):
    app = application(standalone)
    first = app.openapi()
    assert app.openapi() is first
    app.get("/late", dependencies=[authenticated()])(lambda: "late")
    app.openapi_schema = None  # newer versions of FastAPI see it themselves
    assert app.openapi()["paths"]["/late"]["get"]["security"] == [{"Bearer": []}]


def test_the_word_of_the_placeholder_is_nowhere(document):
    assert CurrentPrincipal.dependency.scheme_name not in str(document)
