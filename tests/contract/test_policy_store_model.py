"""The local endpoint against the service's model: all operations, both ways, and its rules."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import PolicyStores
from authz_lib.testing.policy_store.operations import OPERATIONS
from authz_lib.testing.policy_store.state import OperationError

MODEL = botocore.session.get_session().get_service_model("verifiedpermissions")
# The lowest boto3 of the package does not know the aliases yet: the newest says what there is.
if "CreatePolicyStoreAlias" not in MODEL.operation_names:
    pytest.skip("this botocore has an older model", allow_module_level=True)
ALICE, DOC = {"entityType": "User", "entityId": "alice"}, {"entityType": "Doc", "entityId": "1"}
VIEW = {"actionType": "Action", "actionId": "View"}
QUESTION = {"principal": ALICE, "action": VIEW, "resource": DOC}
PERMIT = "permit(principal, action, resource);"
POOL = "eu-west-1_Abc123"
POOL_ARN = f"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/{POOL}"


def errors_of(document, shape):
    """What botocore's own validator says, enums and unions of answers included."""
    report = ParamValidator().validate(document, shape)
    return report.generate_report() if report.has_errors() else ""


def as_python(value, shape):
    """A document of the wire, its timestamps as botocore's validator wants them."""
    import datetime as dt

    if shape.type_name == "structure":
        return {k: as_python(v, shape.members[k]) for k, v in value.items() if k in shape.members}
    if shape.type_name == "list":
        return [as_python(item, shape.member) for item in value]
    if shape.type_name == "timestamp":
        return dt.datetime.fromisoformat(value)
    return value


class Checked:
    """Policy stores; each request and answer is validated by botocore's own validator."""

    def __init__(self):
        self.stores = PolicyStores()
        self.seen = set()

    def __call__(self, operation, **document):
        shapes = MODEL.operation_model(operation)
        assert errors_of(document, shapes.input_shape) == ""
        answer = self.stores.call(operation, document)
        assert set(answer) <= set(shapes.output_shape.members)
        assert errors_of(as_python(answer, shapes.output_shape), shapes.output_shape) == ""
        json.dumps(answer)
        self.seen.add(operation)
        return answer


@pytest.fixture
def call():
    return Checked()


@pytest.fixture
def store(call):
    return call("CreatePolicyStore", validationSettings={"mode": "OFF"})["policyStoreId"]


def refused(operation, call, **document):
    """The code and the members of a refusal."""
    stores = call.stores if isinstance(call, Checked) else call
    with pytest.raises(OperationError) as raised:
        stores.call(operation, document)
    error = raised.value
    shape = MODEL.shape_for(error.code)
    modelled = {name for name, _ in shape.members.items()}
    assert {"message", *error.members} <= modelled
    assert set(shape.required_members) <= {"message", *error.members}
    assert error.code in {one.name for one in MODEL.operation_model(operation).error_shapes} | {
        "ValidationException",
        "TooManyTagsException",
    }
    return error.code, error.members


def static(statement=PERMIT, **more):
    return {"static": {"statement": statement, **more}}


# ---- All operations ----


def test_every_operation_of_the_model_is_there():
    assert set(OPERATIONS) == set(MODEL.operation_names)


def test_the_page_lists_the_operations():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "policy-store.md").read_text()
    section = page.partition("## Operations\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([A-Z][A-Za-z]+)`", section))
    assert listed == set(OPERATIONS)


def test_each_request_and_answer_is_the_model_s(call):
    store = call(
        "CreatePolicyStore",
        validationSettings={"mode": "OFF"},
        description="tests",
        tags={"team": "a"},
        clientToken="token-1",
    )
    ids = {"policyStoreId": store["policyStoreId"]}
    call("UpdatePolicyStore", **ids, validationSettings={"mode": "OFF"}, description="x")
    got = call("GetPolicyStore", **ids, tags=True)
    assert (got["description"], got["tags"]) == ("x", {"team": "a"})
    assert "tags" not in call("GetPolicyStore", **ids)
    assert len(call("ListPolicyStores")["policyStores"]) == 1
    schema = {"Shop": {"entityTypes": {"User": {}}, "actions": {}}}
    put = call("PutSchema", **ids, definition={"cedarJson": json.dumps(schema)})
    assert put["namespaces"] == ["Shop"]
    assert json.loads(call("GetSchema", **ids)["schema"]) == schema
    alias = {"aliasName": "policy-store-alias/a"}
    call("CreatePolicyStoreAlias", **alias, **ids)
    assert call("GetPolicyStoreAlias", **alias)["state"] == "Active"
    assert len(call("ListPolicyStoreAliases", filter=ids)["policyStoreAliases"]) == 1
    arn = {"resourceArn": store["arn"]}
    call("TagResource", **arn, tags={"b": "2"})
    assert call("ListTagsForResource", **arn)["tags"] == {"team": "a", "b": "2"}
    call("UntagResource", **arn, tagKeys=["team"])
    assert call("ListTagsForResource", **arn)["tags"] == {"b": "2"}
    template = call(
        "CreatePolicyTemplate",
        **ids,
        statement="permit(principal == ?principal, action, resource);",
        description="one",
        name="name/t",
    )
    of_template = {"policyTemplateId": template["policyTemplateId"]}
    call(
        "UpdatePolicyTemplate",
        **ids,
        **of_template,
        statement="permit(principal == ?principal, action, resource) when { true };",
    )
    assert call("GetPolicyTemplate", **ids, policyTemplateId="name/t")["description"] == "one"
    assert len(call("ListPolicyTemplates", **ids)["policyTemplates"]) == 1
    made = call(
        "CreatePolicy",
        **ids,
        name="name/p",
        definition=static(
            'permit(principal == User::"alice", action == Action::"View", resource);'
        ),
    )
    assert (made["principal"], made["actions"]) == (ALICE, [VIEW])
    call("CreatePolicy", **ids, definition={"templateLinked": {**of_template, "principal": ALICE}})
    call(
        "UpdatePolicy",
        **ids,
        policyId=made["policyId"],
        definition=static('permit(principal == User::"alice", action, resource);'),
    )
    assert call("GetPolicy", **ids, policyId="name/p")["policyId"] == made["policyId"]
    assert len(call("ListPolicies", **ids)["policies"]) == 2
    batch = [{**ids, "policyId": made["policyId"]}, {**ids, "policyId": "none"}]
    got = call("BatchGetPolicy", requests=batch)
    assert "effect" not in got["results"][0]
    assert got["errors"][0]["code"] == "POLICY_NOT_FOUND"
    assert call("IsAuthorized", **ids, **QUESTION)["decision"] == "ALLOW"
    assert len(call("BatchIsAuthorized", **ids, requests=[QUESTION])["results"]) == 1
    source = call(
        "CreateIdentitySource",
        **ids,
        configuration={"cognitoUserPoolConfiguration": {"userPoolArn": POOL_ARN}},
    )
    of_source = {"identitySourceId": source["identitySourceId"]}
    got = call("GetIdentitySource", **ids, **of_source)
    pool = got["configuration"]["cognitoUserPoolConfiguration"]
    assert pool["issuer"] == f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"
    assert got["details"]["openIdIssuer"] == "COGNITO"
    oidc = {"issuer": "https://id.example", "tokenSelection": {"identityTokenOnly": {}}}
    call(
        "UpdateIdentitySource",
        **ids,
        **of_source,
        updateConfiguration={"openIdConnectConfiguration": oidc},
        principalEntityType="Person",
    )
    listed = call("ListIdentitySources", **ids, filters=[{"principalEntityType": "Person"}])
    assert len(listed["identitySources"]) == 1
    assert not call("ListIdentitySources", **ids, filters=[{"principalEntityType": "X"}])[
        "identitySources"
    ]
    call("DeleteIdentitySource", **ids, **of_source)
    call("DeletePolicy", **ids, policyId=made["policyId"])
    call("DeletePolicyTemplate", **ids, **of_template)
    assert call("ListPolicies", **ids)["policies"] == []
    call("DeletePolicyStoreAlias", **alias)
    call("DeletePolicyStore", **ids)
    # The two others need a token; see below.
    assert set(OPERATIONS) - call.seen == {"IsAuthorizedWithToken", "BatchIsAuthorizedWithToken"}


# ---- Requests that the model refuses ----


@pytest.mark.parametrize(
    ("operation", "document", "path"),
    [
        ("CreatePolicyStore", {}, "validationSettings"),
        ("CreatePolicyStore", {"validationSettings": {}}, "validationSettings.mode"),
        ("CreatePolicyStore", {"validationSettings": {"mode": "LOOSE"}}, "validationSettings.mode"),
        ("GetPolicyStore", {"policyStoreId": ""}, "policyStoreId"),
        ("GetPolicyStore", {"policyStoreId": "a b"}, "policyStoreId"),
        ("GetPolicyStore", {"policyStoreId": "x" * 201}, "policyStoreId"),
        ("GetPolicyStore", {"policyStoreId": "x", "unknown": 1}, "*"),
        ("CreatePolicy", {"policyStoreId": "x", "definition": {}}, "definition"),
        (
            "CreatePolicy",
            {"policyStoreId": "x", "definition": {"static": {}}},
            "definition.static.statement",
        ),
        ("BatchIsAuthorized", {"policyStoreId": "x", "requests": []}, "requests"),
        ("ListPolicies", {"policyStoreId": "x", "maxResults": 0}, "maxResults"),
        ("IsAuthorized", {"policyStoreId": "x", "principal": {"entityType": "U"}}, "principal"),
    ],
)
def test_what_the_model_refuses_is_a_validation_exception(operation, document, path):
    code, members = refused(operation, PolicyStores(), **document)
    assert code == "ValidationException"
    assert members["fieldList"][0]["path"].startswith(path)


@pytest.mark.parametrize("document", [[], {"policyStoreId": 1}, {"policyStoreId": True}, "x"])
def test_another_json_type_does_not_parse(document):
    with pytest.raises(OperationError) as raised:
        PolicyStores().call("GetPolicyStore", document)
    assert raised.value.code == "SerializationException"


def test_an_operation_that_is_not_there_is_said():
    with pytest.raises(OperationError) as raised:
        PolicyStores().call("CreatePolicyShop", {})
    assert raised.value.code == "UnknownOperationException"


def test_pages_and_their_tokens(call, store):
    for _ in range(12):
        call("CreatePolicy", policyStoreId=store, definition=static())
    first = call("ListPolicies", policyStoreId=store)
    assert len(first["policies"]) == 10
    rest = call("ListPolicies", policyStoreId=store, nextToken=first["nextToken"])
    assert len(rest["policies"]) == 2
    assert "nextToken" not in rest
    for token in ("5", "AAAA", "b2Zmc2V0OjE=x", "b2Zmc2V0Ojk5"):
        code, members = refused("ListPolicies", call, policyStoreId=store, nextToken=token)
        assert (code, members["fieldList"][0]["path"]) == ("ValidationException", "nextToken")


# ---- Rules of the service ----


def test_a_client_token_makes_a_thing_once(call, store):
    asked = {"policyStoreId": store, "definition": static(), "clientToken": "t-1"}
    first, again = call("CreatePolicy", **asked), call("CreatePolicy", **asked)
    assert first == again
    assert len(call("ListPolicies", policyStoreId=store)["policies"]) == 1
    other = asked | {"definition": static("forbid(principal, action, resource);")}
    code, members = refused("CreatePolicy", call, **other)
    assert code == "ConflictException"
    assert members["resources"] == [{"resourceId": first["policyId"], "resourceType": "POLICY"}]
    call("CreatePolicyTemplate", policyStoreId=store, clientToken="t-1",
         statement="permit(principal == ?principal, action, resource);")  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "forbid(principal, action, resource);",
        'permit(principal == User::"a", action, resource);',
        'permit(principal, action, resource == Doc::"1");',
        "permit(principal, action, resource is Doc);",
    ],
)
def test_the_head_of_a_policy_stays(call, store, statement):
    policy = call("CreatePolicy", policyStoreId=store, definition=static())["policyId"]
    asked = {"policyStoreId": store, "policyId": policy, "definition": static(statement)}
    assert refused("UpdatePolicy", call, **asked)[0] == "ValidationException"
    got = call("GetPolicy", policyStoreId=store, policyId=policy)
    assert got["definition"]["static"]["statement"] == PERMIT
    asked["definition"] = static('permit(principal, action == Action::"x", resource) when {true};')
    call("UpdatePolicy", **asked)


def test_a_static_policy_stays_static_and_a_linked_one_linked(call, store):
    template = call(
        "CreatePolicyTemplate",
        policyStoreId=store,
        statement="permit(principal == ?principal, action, resource);",
    )["policyTemplateId"]
    linked = call(
        "CreatePolicy",
        policyStoreId=store,
        definition={"templateLinked": {"policyTemplateId": template, "principal": ALICE}},
    )["policyId"]
    asked = {"policyStoreId": store, "policyId": linked, "definition": static()}
    assert refused("UpdatePolicy", call, **asked)[0] == "ValidationException"
    asked = {"policyStoreId": store, "policyTemplateId": template}
    for statement in (
        "forbid(principal == ?principal, action, resource);",
        "permit(principal in ?principal, action, resource);",
        "permit(principal == ?principal, action, resource == ?resource);",
    ):
        code, _ = refused("UpdatePolicyTemplate", call, **asked, statement=statement)
        assert code == "ValidationException"
    assert call("IsAuthorized", policyStoreId=store, **QUESTION)["decision"] == "ALLOW"


@pytest.mark.parametrize("given", [{}, {"resource": DOC}, {"principal": ALICE, "resource": DOC}])
def test_a_link_fills_exactly_the_slots(call, store, given):
    template = call(
        "CreatePolicyTemplate",
        policyStoreId=store,
        statement="permit(principal == ?principal, action, resource);",
    )["policyTemplateId"]
    definition = {"templateLinked": {"policyTemplateId": template, **given}}
    code, members = refused("CreatePolicy", call, policyStoreId=store, definition=definition)
    assert code == "ValidationException"
    assert members["fieldList"][0]["path"].startswith("definition.templateLinked.")
    assert call("IsAuthorized", policyStoreId=store, **QUESTION)["decision"] == "DENY"


def test_a_schema_of_the_api_is_json(call, store):
    for text in ("entity User;", "[]", '{"": {"entityTypes": 1}}', "{"):
        definition = {"cedarJson": text}
        code, _ = refused("PutSchema", call, policyStoreId=store, definition=definition)
        assert code == "ValidationException"
    call.stores.put_schema(store, "entity User;")  # CloudFormation's `CedarFormat`
    assert call("GetSchema", policyStoreId=store)["schema"] == "entity User;"


def test_deletion_protection(call):
    made = call(
        "CreatePolicyStore", validationSettings={"mode": "OFF"}, deletionProtection="ENABLED"
    )
    ids = {"policyStoreId": made["policyStoreId"]}
    assert call("GetPolicyStore", **ids)["deletionProtection"] == "ENABLED"
    assert refused("DeletePolicyStore", call, **ids)[0] == "InvalidStateException"
    call(
        "UpdatePolicyStore",
        **ids,
        validationSettings={"mode": "OFF"},
        deletionProtection="DISABLED",
    )
    call("DeletePolicyStore", **ids)
    call("DeletePolicyStore", **ids)  # of nothing: no error
    assert refused("GetPolicyStore", call, **ids)[0] == "ResourceNotFoundException"


def test_aliases(call, store):
    other = call("CreatePolicyStore", validationSettings={"mode": "OFF"})["policyStoreId"]
    name = "policy-store-alias/shop"
    call("CreatePolicyStoreAlias", aliasName=name, policyStoreId=store)
    call("CreatePolicyStoreAlias", aliasName=name, policyStoreId=store)  # the same: no error
    code, members = refused("CreatePolicyStoreAlias", call, aliasName=name, policyStoreId=other)
    assert code == "ConflictException"
    assert members["resources"][0]["resourceType"] == "POLICY_STORE_ALIAS"
    code, _ = refused("CreatePolicyStoreAlias", call, aliasName="shop", policyStoreId=store)
    assert code == "ValidationException"
    assert call("GetPolicyStore", policyStoreId=name)["policyStoreId"] == store
    call("DeletePolicyStoreAlias", aliasName=name)
    assert call("GetPolicyStoreAlias", aliasName=name)["state"] == "PendingDeletion"
    code, members = refused("GetPolicyStore", call, policyStoreId=name)
    assert (code, members["resourceType"]) == ("ResourceNotFoundException", "POLICY_STORE_ALIAS")
    code, _ = refused("CreatePolicyStoreAlias", call, aliasName=name, policyStoreId=store)
    assert code == "ConflictException"
    call("DeletePolicyStoreAlias", aliasName=name, deletionMode="HardDelete")
    assert refused("GetPolicyStoreAlias", call, aliasName=name)[0] == "ResourceNotFoundException"
    call("CreatePolicyStoreAlias", aliasName=name, policyStoreId=other)
    call("DeletePolicyStore", policyStoreId=other)
    assert call("ListPolicyStoreAliases")["policyStoreAliases"] == []
    batch = [{"policyStoreId": name, "policyId": "x"}]
    got = call("BatchGetPolicy", requests=batch)
    assert got["errors"][0]["code"] == "POLICY_STORE_ALIAS_NOT_FOUND"


def test_names_stand_for_ids(call, store):
    one = call("CreatePolicy", policyStoreId=store, definition=static(), name="name/one")
    asked = {"policyStoreId": store, "definition": static()}
    code, members = refused("CreatePolicy", call, **asked, name="name/one")
    assert code == "ConflictException"
    assert members["resources"][0]["resourceId"] == one["policyId"]
    assert refused("CreatePolicy", call, **asked, name="one")[0] == "ValidationException"
    call("UpdatePolicy", policyStoreId=store, policyId="name/one", name="name/two")
    assert call("GetPolicy", policyStoreId=store, policyId="name/two")["name"] == "name/two"
    call("UpdatePolicy", policyStoreId=store, policyId="name/two", name="")
    assert "name" not in call("GetPolicy", policyStoreId=store, policyId=one["policyId"])


def test_filters_of_a_listing(call, store):
    template = call(
        "CreatePolicyTemplate",
        policyStoreId=store,
        statement="permit(principal == ?principal, action, resource == ?resource);",
    )["policyTemplateId"]
    everybody = call("CreatePolicy", policyStoreId=store, definition=static())["policyId"]
    alice = call(
        "CreatePolicy",
        policyStoreId=store,
        definition=static('permit(principal == User::"alice", action, resource);'),
    )["policyId"]
    linked = call(
        "CreatePolicy",
        policyStoreId=store,
        definition={
            "templateLinked": {"policyTemplateId": template, "principal": ALICE, "resource": DOC}
        },
    )["policyId"]

    def found(**wanted):
        return {
            item["policyId"]
            for item in call("ListPolicies", policyStoreId=store, filter=wanted)["policies"]
        }

    assert found(principal={"identifier": ALICE}) == {alice, linked}
    assert found(principal={"unspecified": True}) == {everybody}
    assert found(resource={"identifier": DOC}) == {linked}
    assert found(resource={"unspecified": True}) == {everybody, alice}
    assert found(policyType="TEMPLATE_LINKED") == found(policyTemplateId=template) == {linked}
    assert found(policyType="STATIC", principal={"identifier": ALICE}) == {alice}


def test_tags_have_rules(call):
    made = call("CreatePolicyStore", validationSettings={"mode": "OFF"})
    arn = {"resourceArn": made["arn"]}
    assert refused("TagResource", call, **arn, tags={"aws:x": "1"})[0] == "ValidationException"
    many = {f"t{number}": "" for number in range(51)}
    assert refused("TagResource", call, **arn, tags=many)[0] == "TooManyTagsException"
    other = {"resourceArn": "arn:aws:verifiedpermissions::123456789012:policy-store/none"}
    assert refused("ListTagsForResource", call, **other)[0] == "ResourceNotFoundException"


def test_errors_are_typed_by_botocore_too(server, boto3_client):
    avp = boto3_client(server.url)
    store = avp.create_policy_store(
        validationSettings={"mode": "OFF"}, deletionProtection="ENABLED"
    )["policyStoreId"]
    with pytest.raises(avp.exceptions.InvalidStateException):
        avp.delete_policy_store(policyStoreId=store)
    with pytest.raises(avp.exceptions.ResourceNotFoundException) as raised:
        avp.get_policy(policyStoreId=store, policyId="none")
    assert raised.value.response["resourceType"] == "POLICY"
    avp.create_policy(policyStoreId=store, definition=static(), clientToken="t")
    with pytest.raises(avp.exceptions.ConflictException):
        avp.create_policy(
            policyStoreId=store, definition=static(description="other"), clientToken="t"
        )


# ---- Tokens ----


@pytest.fixture
def issuer_url(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def ask(call, store, **tokens):
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    return call("IsAuthorizedWithToken", **asked, **tokens)


def allow_all(call):
    return call.stores.create_store(PERMIT)


class Provider:
    """A provider of this machine that mints tokens, and its key set over HTTP."""

    def __init__(self, endpoint, issuer):
        self.url, self.issuer = endpoint.url, issuer

    def token(self, **claims):
        now = int(time.time())
        given = {"iss": self.url, "sub": "s-1", "iat": now, "exp": now + 600}
        return self.issuer.token({name: v for name, v in (given | claims).items() if v is not None})


@pytest.fixture
def oidc(issuer_url):
    issuer = TestIssuer("http://127.0.0.1:1")
    with issuer.serve() as endpoint:
        yield Provider(endpoint, issuer)


def source(call, store, oidc, selection, **more):
    configuration = {"issuer": oidc.url, "tokenSelection": selection, **more}
    call.stores.call(
        "CreateIdentitySource",
        {
            "policyStoreId": store,
            "configuration": {"openIdConnectConfiguration": configuration},
        },
    )


ACCESS = {"accessTokenOnly": {"audiences": ["https://shop.example", "https://b.example"]}}
IDENTITY = {"identityTokenOnly": {"clientIds": ["web", "app"]}}


@pytest.mark.parametrize(
    ("selection", "kind", "claims", "is_taken"),
    [
        (ACCESS, "accessToken", {"aud": "https://shop.example"}, True),
        (ACCESS, "accessToken", {"aud": ["x", "https://b.example"]}, True),
        (ACCESS, "accessToken", {"aud": "x", "client_id": "https://shop.example"}, False),
        (ACCESS, "accessToken", {"client_id": "https://shop.example"}, False),
        (ACCESS, "accessToken", {"aud": []}, False),
        (ACCESS, "identityToken", {"aud": "https://shop.example"}, False),
        (ACCESS, "accessToken", {"aud": "https://shop.example", "token_use": "id"}, False),
        ({"accessTokenOnly": {}}, "accessToken", {"aud": "anything"}, True),
        (IDENTITY, "identityToken", {"aud": "web"}, True),
        (IDENTITY, "identityToken", {"aud": ["x", "app"]}, True),
        (IDENTITY, "identityToken", {"aud": ["x"]}, False),
        (IDENTITY, "identityToken", {"aud": "x", "client_id": "web"}, False),
        (IDENTITY, "accessToken", {"aud": "web"}, False),
        (IDENTITY, "identityToken", {"aud": "web", "token_use": "access"}, False),
        (IDENTITY, "identityToken", {"aud": "web", "sub": None}, False),
    ],
)
def test_openid_sources(call, oidc, selection, kind, claims, is_taken):
    store = allow_all(call)
    source(call, store, oidc, selection)
    tokens = {kind: oidc.token(**claims)}
    if is_taken:
        answer = ask(call, store, **tokens)
        assert answer["decision"] == "ALLOW"
        assert answer["principal"] == {"entityType": "User", "entityId": f"{oidc.url}|s-1"}
        many = call("BatchIsAuthorizedWithToken", policyStoreId=store, **tokens,
                    requests=[{"action": VIEW, "resource": DOC}])  # fmt: skip
        assert many["results"][0]["decision"] == "ALLOW"
        return
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    assert refused("IsAuthorizedWithToken", call, **asked, **tokens)[0] == "ValidationException"


def test_the_principal_claim_and_the_prefix(call, oidc):
    store = allow_all(call)
    selection = {"accessTokenOnly": {"principalIdClaim": "email", "audiences": ["a"]}}
    groups = {"groupClaim": "roles", "groupEntityType": "Role"}
    source(call, store, oidc, selection, entityIdPrefix="Corp", groupConfiguration=groups)
    answer = ask(call, store, accessToken=oidc.token(aud="a", email="a@x.example", roles=["dev"]))
    assert answer["principal"]["entityId"] == "Corp|a@x.example"
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    for wrong in ({}, {"email": ""}, {"email": 7}):
        token = oidc.token(aud="a", **wrong)
        code, _ = refused("IsAuthorizedWithToken", call, **asked, accessToken=token)
        assert code == "ValidationException"


def test_signature_and_times_are_checked(call, oidc):
    store = allow_all(call)
    source(call, store, oidc, {"accessTokenOnly": {"audiences": ["a"]}})
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    now = int(time.time())
    good = oidc.token(aud="a")
    assert ask(call, store, accessToken=good)["decision"] == "ALLOW"
    stranger = TestIssuer(oidc.url).token(
        {"iss": oidc.url, "sub": "s-1", "aud": "a", "exp": now + 600}
    )
    head, body, signature = good.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for wrong in (
        oidc.token(aud="a", exp=now - 600),
        oidc.token(aud="a", nbf=now + 600),
        stranger,
        f"{head}.{body}.{flipped}",
        f"{head}.{body}.",
        "garbage",
    ):
        code, members = refused("IsAuthorizedWithToken", call, **asked, accessToken=wrong)
        assert code == "ValidationException"
        assert members["fieldList"][0]["path"] == "accessToken"
    assert len(call.stores.requests) == 1


def test_keys_that_cannot_be_fetched_are_said(call):
    store = allow_all(call)
    issuer = TestIssuer("http://127.0.0.1:1")
    source(call, store, Provider(type("E", (), {"url": "http://127.0.0.1:1"}), issuer), IDENTITY)
    token = issuer.token({"iss": "http://127.0.0.1:1", "sub": "x", "aud": "web",
                          "exp": int(time.time()) + 600})  # fmt: skip
    with pytest.raises(OperationError, match="keys of the token's issuer cannot be fetched"):
        ask(call, store, identityToken=token)


def test_an_access_token_by_its_type_is_no_identity_token(call, oidc):
    store = allow_all(call)
    source(call, store, oidc, IDENTITY)
    token = oidc.issuer.token(
        {"iss": oidc.url, "sub": "x", "aud": "web", "exp": int(time.time()) + 600},
        headers={"typ": "at+jwt"},
    )
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    code, _ = refused("IsAuthorizedWithToken", call, **asked, identityToken=token)
    assert code == "ValidationException"


def test_a_local_user_pool(call, key_server):
    """Its tokens have AWS's issuer, and its keys are at the local endpoint."""
    issuer = TestIssuer(f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}")
    call.stores.find_user_pools_at(key_server({f"/{POOL}/.well-known/jwks.json": issuer.jwks()}))
    store = allow_all(call)
    pool = {"userPoolArn": POOL_ARN, "clientIds": ["web"]}
    call(
        "CreateIdentitySource",
        policyStoreId=store,
        configuration={"cognitoUserPoolConfiguration": pool},
    )
    claims = {"sub": "s-1"}
    token = issuer.access_token(client_id="web", claims=claims)
    assert ask(call, store, accessToken=token)["principal"]["entityId"] == f"{POOL}|s-1"
    asked = {"policyStoreId": store, "action": VIEW, "resource": DOC}
    for wrong in (
        issuer.access_token(client_id="other", claims=claims),
        issuer.id_token(client_id="web", claims=claims),
        TestIssuer(issuer.issuer).access_token(client_id="web", claims=claims),
    ):
        assert refused("IsAuthorizedWithToken", call, **asked, accessToken=wrong)[0] == (
            "ValidationException"
        )


def test_nothing_of_boto3_is_needed_to_refuse_a_client_error(server):
    """A client that checks nothing itself is refused as boto3's own checks would refuse."""
    client = boto3.client(
        "verifiedpermissions",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=botocore.config.Config(parameter_validation=False),
    )
    with pytest.raises(ClientError) as raised:
        client.create_policy_store()
    assert raised.value.response["Error"]["Code"] == "ValidationException"
