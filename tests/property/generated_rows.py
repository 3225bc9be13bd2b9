"""Generated policies, callers and tables of orders, for what lists rows by a condition.

The policies are not valid against the schema: expressions of wrong types are what errs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib import CedarEngine, Entity, EntityUid
from authz_lib.decisions import TemplateLink
from authz_lib.entities import CedarIp

if TYPE_CHECKING:
    from random import Random

SCHEMA = """
entity Group in [Group] = { level?: Long };
entity Team in [Group] = { level?: Long, city?: String };
entity User in [Group] = {
    tenant?: String, level?: Long, active?: Bool, home?: Team, teams?: Set<Team>,
    names?: Set<String>, meta?: { city: String, level?: Long }, ip?: ipaddr,
} tags String;
entity Folder in [Folder] = { level?: Long };
entity Order in [Folder] = {
    owner: User, reviewer?: User, team?: Team, tenant: String, note?: String,
    total: Long, limit?: Long, closed: Bool, urgent?: Bool, labels?: Set<String>,
};
action All;
action Read in [All];
action "shop:Get" in [Read] appliesTo { principal: User, resource: Order, context: {
    n?: Long, s?: String, flag?: Bool, who?: User, ip?: ipaddr,
} };
"""
ACTION = "shop:Get"
USERS = ["alice", "bob", "Alice", "7", "x y"]
TEAMS = ["red", "blue", "Red"]
GROUPS = ["staff", "all", "sales"]
FOLDERS = ["f1", "f2", "root"]
IDS = ["1", "2", "o-3", "O-3"]
TEXTS = [
    *["t1", "t2", "T1", "", "a", "A", "ab", "a%b", "a_b", "axb", "a\\b", "*", "a*", "[a]", "a?b"],
    *["é", "É", "x ", " x", "x", "a\nb", "it's", "日本", "🙂", "%", "_", "\\", "a[b", "^a", ":v"],
]
NUMBERS = [0, 1, 2, 3, 5, -1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
PATTERNS = [
    *["*", "a*", "*b", "a*b", "*a*", "t1", "*[a*", "a?*", "*%*", "*_*", "*\\\\*", "", "**", "É*"],
    *["*x*y*", "a*a*", "x *", "*日*", "\\\\", "a[*", "*]", "*\\**", "\\**", "*\\*"],
]
USER_FIELDS = ["owner", "reviewer"]
TEXT_FIELDS = ["tenant", "note"]
NUMBER_FIELDS = ["total", "limit"]
FLAG_FIELDS = ["closed", "urgent"]
COLUMNS = [*USER_FIELDS, "team", *TEXT_FIELDS, *NUMBER_FIELDS, *FLAG_FIELDS]


@dataclass
class Case:
    """One engine, one caller, one table."""

    policies: str
    mode: str
    caller: EntityUid
    context: dict[str, Any]
    entities: list[Entity]
    held: list[Entity]
    links: list[TemplateLink]
    rows: list[dict[str, Any]]
    engine: CedarEngine = field(init=False)

    def __post_init__(self):
        self.engine = CedarEngine.from_text(
            self.policies,
            SCHEMA,
            self.held,
            links=self.links,
            validate_policies=False,
            on_evaluation_error=self.mode,
        )

    @property
    def question(self):
        """What `filter` and `where` are both given."""
        return {"context": self.context, "entities": self.entities}

    def kept(self):
        """The keys of the rows that `filter` keeps."""
        pairs = [(entity_of(row), row["key"]) for row in self.rows]
        kept = self.engine.filter(
            self.caller, ACTION, [entity for entity, _ in pairs], **self.question
        )
        chosen = {id(entity) for entity in kept}
        return {key for entity, key in pairs if id(entity) in chosen}


def entity_of(row):
    """A row as the resource that it is: NULL is an attribute that is not there."""
    types = {"owner": "User", "reviewer": "User", "team": "Team"}
    attrs = {
        name: EntityUid(types[name], row[name]) if name in types else row[name]
        for name in COLUMNS
        if row[name] is not None
    }
    parents = [] if row["folder"] is None else [EntityUid("Folder", row["folder"])]
    return Entity(EntityUid("Order", row["id"]), attrs=attrs, parents=parents)


class Maker:
    """Makes cases from a seeded source."""

    def __init__(self, random: Random):
        self.random = random
        self.pick = random.choice

    def maybe(self, share=0.5):
        return self.random.random() < share

    # Expressions: texts of Cedar.

    def user(self):
        return self.pick(
            [
                "principal",
                "principal",
                f"User::{_quoted(self.pick(USERS))}",
                "resource.owner",
                "resource.owner",
                "resource.reviewer",
                "context.who",
            ]
        )

    def team(self):
        return self.pick(
            ["resource.team", "resource.team", "principal.home", f'Team::"{self.pick(TEAMS)}"']
        )

    def group(self):
        return f'Group::"{self.pick(GROUPS)}"'

    def folder(self):
        return f'Folder::"{self.pick(FOLDERS)}"'

    def entity(self):
        return self.pick(
            [self.user, self.user, self.team, self.group, self.folder, self.resource]
        )()

    def resource(self):
        return self.pick(["resource", f'Order::"{self.pick(IDS)}"', "action"])

    def text(self):
        return self.pick(
            [
                *[f"resource.{name}" for name in TEXT_FIELDS] * 3,
                "principal.tenant",
                "context.s",
                "principal.meta.city",
                'principal.getTag("city")',
                "principal.getTag(resource.note)",
                "resource.team.city",
                _quoted(self.pick(TEXTS)),
                _quoted(self.pick(TEXTS)),
            ]
        )

    def number(self, depth=1):
        choices = [
            *[f"resource.{name}" for name in NUMBER_FIELDS] * 3,
            "principal.level",
            "context.n",
            "principal.meta.level",
            "resource.owner.level",
            "resource.team.level",
            *[f"({self.pick(NUMBERS)})" for _ in range(3)],
        ]
        if depth and self.maybe(0.2):
            sign = self.pick(["+", "-", "*"])
            left = self.pick(["principal.level", "context.n", f"({self.pick(NUMBERS)})"])
            return f"({left} {sign} {self.pick(NUMBERS[:6])})".replace("- -", "- 0 - ")
        return self.pick(choices)

    def flag(self):
        return self.pick(
            [
                *[f"resource.{name}" for name in FLAG_FIELDS] * 3,
                "principal.active",
                "context.flag",
                "true",
                "false",
            ]
        )

    def anything(self):
        return self.pick([self.entity, self.text, self.number, self.flag, self.a_set])()

    def a_set(self):
        return self.pick(
            [
                "principal.teams",
                "principal.names",
                f"[{self.text()}, {self.text()}]",
                f"[{self.user()}, {self.user()}]",
                f"[{self.number()}]",
                "[]",
                "resource.labels",
            ]
        )

    def test(self):
        return self.pick(
            [
                self.equality,
                self.equality,
                self.equality,
                self.comparison,
                self.comparison,
                self.membership,
                self.membership,
                self.presence,
                self.presence,
                self.pattern,
                self.pattern,
                self.containment,
                self.kind,
                self.flag,
                self.strange,
            ]
        )()

    def equality(self):
        kind = self.pick([self.user, self.team, self.text, self.text, self.number, self.flag])
        other = kind if self.maybe(0.92) else self.anything
        left, right = kind(), other()
        if self.maybe():
            left, right = right, left
        return f"{left} {self.pick(['==', '==', '!='])} {right}"

    def comparison(self):
        right = self.number() if self.maybe(0.95) else self.anything()
        return f"{self.number()} {self.pick(['<', '<=', '>', '>='])} {right}"

    def membership(self):
        left = self.pick([self.user, self.team, lambda: "resource", lambda: "action"])()
        right = self.pick(
            [
                self.group,
                self.group,
                self.folder,
                self.team,
                self.entity,
                lambda: f"[{self.entity()}, {self.group()}]",
                lambda: "principal.teams",
                lambda: 'Action::"Read"',
            ]
        )()
        return f"{left} in {right}"

    def presence(self):
        name = self.pick([*COLUMNS, "labels", "nothing"])
        other = self.pick(["tenant", "level", "home", "meta", "nothing", "ip"])
        return self.pick(
            [
                f"resource has {name}",
                f"resource has {name}",
                f"principal has {other}",
                "context has n",
                "resource.owner has level",
                f"resource.team has {self.pick(['city', 'level'])}",
                'principal.hasTag("city")',
                "principal.hasTag(resource.note)",
                "principal has meta.city",
            ]
        )

    def pattern(self):
        of = self.text() if self.maybe(0.95) else self.anything()
        return f'{of} like "{self.pick(PATTERNS)}"'

    def containment(self):
        method = self.pick(["contains", "contains", "contains", "containsAll", "containsAny"])
        of = self.a_set()
        if method == "contains":
            argument = self.pick([self.team, self.text, self.user, self.number])()
        else:
            argument = self.a_set()
        return self.pick(
            [f"{of}.{method}({argument})", f"{of}.{method}({argument})", f"{of}.isEmpty()"]
        )

    def kind(self):
        types = ["User", "Order", "Team", "Folder"]
        inside = f" in {self.pick([self.group(), self.folder()])}" if self.maybe(0.3) else ""
        return f"{self.entity()} is {self.pick(types)}{inside}"

    def strange(self):
        return self.pick(
            [
                'context.ip.isInRange(ip("10.0.0.0/8"))',
                'principal.ip == ip("10.0.0.1")',
                'decimal("1.5").lessThan(decimal("2.0"))',
                'ip("no").isIpv4()',
                'ip("10.0.0.1") == resource.note',
                f"{self.flag()} == ({self.test()})",
                f"{{a: {self.text()}, b: 1}}.a == {self.text()}",
                f"(if {self.flag()} then {self.text()} else {self.text()}) == {self.text()}",
                f"(if {self.flag()} then {self.number()} else 3) < {self.number()}",
                f"{{a: {self.user()}}} == {{a: {self.user()}}}",
                f"[{self.user()}] == [{self.user()}, {self.user()}]",
                f"resource.total + 1 < {self.number()}",
            ]
        )

    def condition(self, depth=3):
        if depth == 0 or self.maybe(0.3):
            return f"({self.test()})"
        kind = self.pick(["&&", "&&", "&&", "||", "||", "!", "if", "has"])
        if kind == "!":
            return f"!({self.condition(depth - 1)})"
        if kind == "if":
            parts = [self.condition(depth - 1) for _ in range(3)]
            return f"(if {parts[0]} then {parts[1]} else {parts[2]})"
        if kind == "has":
            return self.guarded()
        return f"({self.condition(depth - 1)}) {kind} ({self.condition(depth - 1)})"

    def guarded(self):
        """As policies are written: an optional attribute is asked for first."""
        name = self.pick(["reviewer", "note", "limit", "urgent"])
        test = {
            "reviewer": f"resource.reviewer == {self.user()}",
            "note": f"resource.note == {self.text()}",
            "limit": f"resource.limit < {self.number()}",
            "urgent": "resource.urgent",
        }[name]
        return f"(resource has {name} && {test})"

    # Policies.

    def party(self, role):
        if role == "principal":
            uid, inside = f"User::{_quoted(self.pick(USERS))}", self.group()
            type_ = self.pick(["User", "User", "Team"])
        else:
            uid, inside = f'Order::"{self.pick(IDS)}"', self.folder()
            type_ = self.pick(["Order", "Order", "Folder"])
        tests = [f"== {uid}", f"in {inside}", f"is {type_}", f"is {type_} in {inside}"]
        return f"{role} {self.pick(['', '', '', '', *tests])}"

    def policy(self, number, effect):
        action = self.pick(
            [
                *["action"] * 3,
                f"action == Action::{_quoted(ACTION)}",
                'action in Action::"Read"',
                'action in [Action::"All", Action::"Other"]',
                'action == Action::"Other"',
            ]
        )
        whens = [
            f"{self.pick(['when', 'when', 'unless'])} {{ {self.condition()} }}"
            for _ in range(self.pick([0, 1, 1, 1, 2]))
        ]
        scope = f"{self.party('principal')}, {action}, {self.party('resource')}"
        return f'@id("p{number}") {effect}({scope}) {" ".join(whens)};'

    def policies(self):
        permits = [self.policy(number, "permit") for number in range(self.pick([1, 1, 2, 3]))]
        forbids = [
            self.policy(number + 10, "forbid") for number in range(self.pick([0, 0, 1, 1, 2]))
        ]
        template = '@id("share") permit(principal in ?principal, action, resource == ?resource);'
        texts = [*permits, *forbids, template]
        self.random.shuffle(texts)
        return "\n".join(texts)

    def links(self):
        return [
            TemplateLink(
                "share",
                f"share-{number}",
                {
                    "?principal": self.pick(
                        [EntityUid("User", "alice"), EntityUid("Group", self.pick(GROUPS))]
                    ),
                    "?resource": EntityUid("Order", self.pick(IDS)),
                },
            )
            for number in range(self.pick([0, 0, 0, 1, 3]))
        ]

    # Data.

    def attrs(self, choices):
        return {name: make() for name, make in choices.items() if self.maybe(0.6)}

    def principal_entity(self, uid):
        return Entity(
            uid,
            attrs=self.attrs(
                {
                    "tenant": lambda: self.pick(["t1", "t2", "T1"]),
                    "level": lambda: self.pick(NUMBERS),
                    "active": self.maybe,
                    "home": lambda: EntityUid("Team", self.pick(TEAMS)),
                    "teams": lambda: [
                        EntityUid("Team", self.pick(TEAMS)) for _ in range(self.pick([0, 1, 2]))
                    ],
                    "names": lambda: [self.pick(TEXTS) for _ in range(self.pick([0, 1, 3]))],
                    "meta": lambda: (
                        {"city": self.pick(TEXTS)}
                        | ({"level": self.pick(NUMBERS)} if self.maybe() else {})
                    ),
                    "ip": lambda: CedarIp(self.pick(["10.0.0.1", "11.0.0.1"])),
                }
            ),
            parents=[EntityUid("Group", name) for name in GROUPS if self.maybe(0.4)],
            tags={"city": self.pick(TEXTS), "a": "b"} if self.maybe() else {},
        )

    def world(self, caller):
        """Entities of several types, each given or held."""
        made = [self.principal_entity(caller)]
        made += [
            self.principal_entity(EntityUid("User", name))
            for name in USERS
            if name != caller.id and self.maybe(0.2)
        ]
        made += [
            Entity(
                EntityUid("Team", name),
                attrs=self.attrs(
                    {
                        "level": lambda: self.pick(NUMBERS),
                        "city": lambda: self.pick(["t1", "a", "A"]),
                    }
                ),
                parents=[EntityUid("Group", self.pick(GROUPS))] if self.maybe() else [],
            )
            for name in TEAMS
            if self.maybe()
        ]
        if self.maybe():
            made.append(Entity(EntityUid("Group", "staff"), parents=[EntityUid("Group", "all")]))
        for low, high in (("f1", "f2"), ("f2", "root")):
            if self.maybe():
                made.append(Entity(EntityUid("Folder", low), parents=[EntityUid("Folder", high)]))
        held = [entity for entity in made[1:] if self.maybe(0.4)]
        return [entity for entity in made if entity not in held], held

    def row(self, key):
        values = {
            "owner": lambda: self.pick(USERS),
            "reviewer": lambda: self.pick(USERS),
            "team": lambda: self.pick(TEAMS),
            "tenant": lambda: self.pick(["t1", "t1", "t2", "T1", *TEXTS]),
            "note": lambda: self.pick(TEXTS),
            "total": lambda: self.pick(NUMBERS),
            "limit": lambda: self.pick(NUMBERS),
            "closed": self.maybe,
            "urgent": self.maybe,
            "folder": lambda: self.pick(FOLDERS),
        }
        absent = {"owner": 0.1, "tenant": 0.1, "total": 0.1, "closed": 0.1}
        row = {
            name: None if self.maybe(absent.get(name, 0.3)) else make()
            for name, make in values.items()
        }
        return row | {"key": key, "id": self.pick(IDS)}

    def case(self, rows=12):
        caller = EntityUid("User", self.pick(USERS[:3]))
        entities, held = self.world(caller)
        context = self.attrs(
            {
                "n": lambda: self.pick(NUMBERS),
                "s": lambda: self.pick(TEXTS),
                "flag": self.maybe,
                "who": lambda: EntityUid("User", self.pick(USERS)),
                "ip": lambda: CedarIp("10.1.2.3"),
            }
        )
        return Case(
            policies=self.policies(),
            mode=self.pick(["deny", "cedar"]),
            caller=caller,
            context=context,
            entities=entities,
            held=held,
            links=self.links(),
            rows=[self.row(key) for key in range(rows)],
        )


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)
