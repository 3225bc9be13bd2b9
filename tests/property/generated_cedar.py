"""Random policies, requests and entities of one schema that has something of everything."""

from __future__ import annotations

from authz_lib import Entity, EntityUid
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration, CedarIp

SCHEMA = """
entity Org;
entity Color enum ["red", "green"];
entity Group in [Group, Org] = { level: Long };
entity User in [Group] = {
  name: String, level: Long, tenant?: String, manager?: User, nicks: Set<String>,
  teams: Set<Group>, home?: { city: String, zip?: Long }, active: Bool, color: Color,
  roles: Set<{ name: String, rank?: Long }>, lists: Set<Set<Long>>, score: decimal, born: datetime,
} tags String;
entity Folder in [Folder];
entity Doc in [Folder] = {
  owner: User, tenant: String, size: Long, labels?: Set<String>, readers: Set<User>,
  numbers: Set<Long>, age: duration, color: Color, net?: ipaddr,
} tags Set<String>;
action everything;
action writes in [everything];
action view in [everything] appliesTo {
  principal: User, resource: [Doc, Folder],
  context: { mfa: Bool, now: datetime, amount?: Long, req: { path: String, n?: Long }, ip?: ipaddr }
};
action edit in [writes] appliesTo { principal: User, resource: Doc, context: { mfa: Bool } };
"""
STRINGS = ["", "a", "b", "ab", "a*b", "t1", "t2", 'q"uote', "\\", "é", "xay"]
LONGS = [0, 1, 2, -1, 7, 2**63 - 1, -(2**63), 2**62]
IDS = {
    "Org": ["o1", "o2"],
    "Group": ["g1", "g2", "g3"],
    "User": ["u1", "u2", "u3"],
    "Folder": ["f1", "f2"],
    "Doc": ["d1", "d2"],
    "Color": ["red", "green"],
}
DECIMALS = ["0.0", "1.5", "-2.25", "1.50"]
DATES = [
    "2024-01-01",
    "2024-01-01T12:30:00Z",
    "1969-12-31T23:00:00.001Z",
    "2024-02-29T00:00:00+0100",
]
DURATIONS = ["0ms", "1d", "-1h30m", "90m", "1d2h3m4s5ms"]
PATTERNS = ["*", "a*", "*b", "*a*", "", "a\\*b", "t1", "**", "x*y"]
USER_ATTRS = {
    "name": "String",
    "level": "Long",
    "tenant": "String",
    "manager": "User",
    "nicks": "Set<String>",
    "teams": "Set<Group>",
    "active": "Bool",
    "color": "Color",
    "score": "decimal",
    "born": "datetime",
}
DOC_ATTRS = {
    "owner": "User",
    "tenant": "String",
    "size": "Long",
    "labels": "Set<String>",
    "readers": "Set<User>",
    "numbers": "Set<Long>",
    "age": "duration",
    "color": "Color",
}
TYPES = ["Bool", "Long", "String", "User", "Group", "Set<String>", "Set<Long>", "Set<User>"]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Expressions:
    """Expressions of a wanted type; now and then of another one, since that is an error."""

    def __init__(self, random):
        self.random = random

    def of(self, type_, depth):
        random = self.random
        if random.random() < 0.04:
            type_ = random.choice(TYPES)
        if depth > 0 and random.random() < 0.1:
            parts = (
                self.of("Bool", depth - 1),
                self.of(type_, depth - 1),
                self.of(type_, depth - 1),
            )
            return "(if {} then {} else {})".format(*parts)
        if type_.startswith("Set<"):
            return self.a_set(type_[4:-1], depth)
        maker = getattr(self, f"a_{type_.lower()}", None)
        return maker(depth) if maker else self.entity(type_, depth)

    def entity(self, type_, depth):
        random = self.random
        found = [f"{type_}::{quoted(random.choice(IDS[type_]))}"]
        if type_ == "User":
            found += ["principal", "resource.owner", "principal.manager"]
            if depth > 0:
                found.append(f"{self.entity('User', depth - 1)}.manager")
        if type_ == "Color":
            found += ["principal.color", "resource.color"]
        return random.choice(found)

    def attribute(self, type_, depth):
        """An attribute of the type, or None."""
        names = [f"principal.{name}" for name, of in USER_ATTRS.items() if of == type_]
        names += [f"resource.{name}" for name, of in DOC_ATTRS.items() if of == type_]
        if depth > 0:
            user = self.entity("User", 0)
            names += [f"{user}.{name}" for name, of in USER_ATTRS.items() if of == type_]
        return self.random.choice(names) if names else None

    def a_long(self, depth):
        random = self.random
        found = [str(random.choice(LONGS)), self.attribute("Long", depth)]
        found += ["context.amount", "context.req.n", "principal.home.zip", 'Group::"g1".level']
        if depth > 0:
            sign = random.choice("+-*")
            number = str(random.choice(LONGS[:4])) if sign == "*" else self.of("Long", depth - 1)
            found += [f"({self.of('Long', depth - 1)} {sign} {number})"] * 3
            found.append(f"(-{self.of('Long', depth - 1)})")
            part = random.choice(["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"])
            found.append(f"{self.of('duration', depth - 1)}.{part}()")
        return random.choice(found)

    def a_string(self, depth):
        random = self.random
        found = [quoted(random.choice(STRINGS)), self.attribute("String", depth)]
        found += ["context.req.path", "principal.home.city"]
        if depth > 0:
            found.append(f"{self.entity('User', 0)}.getTag({self.of('String', depth - 1)})")
        return random.choice(found)

    def a_decimal(self, depth):
        literal = f'decimal("{self.random.choice(DECIMALS)}")'
        return self.random.choice([literal, self.attribute("decimal", depth)])

    def a_datetime(self, depth):
        found = [f'datetime("{self.random.choice(DATES)}")', "context.now", "principal.born"]
        if depth > 0:
            found.append(f"{self.of('datetime', depth - 1)}.toDate()")
            found.append(f"{self.of('datetime', 0)}.offset({self.of('duration', depth - 1)})")
        return self.random.choice(found)

    def a_duration(self, depth):
        found = [f'duration("{self.random.choice(DURATIONS)}")', "resource.age"]
        if depth > 0:
            found.append(f"{self.of('datetime', depth - 1)}.toTime()")
            found.append(
                f"{self.of('datetime', 0)}.durationSince({self.of('datetime', depth - 1)})"
            )
        return self.random.choice(found)

    def a_set(self, type_, depth):
        random = self.random
        if random.random() < 0.5 and (found := self.attribute(f"Set<{type_}>", depth)):
            return found
        if type_ == "String" and depth > 0 and random.random() < 0.2:
            return f"resource.getTag({self.of('String', depth - 1)})"
        count = random.choice([0, 1, 1, 2, 3])
        return "[{}]".format(", ".join(self.of(type_, max(depth - 1, 0)) for _ in range(count)))

    def a_record(self, depth):
        random = self.random
        found = ["context.req", "principal.home"]
        found.append(f"{{city: {self.of('String', 0)}}}")
        found.append(f"{{path: {self.of('String', 0)}, n: {self.of('Long', 0)}}}")
        found.append(f"{{name: {self.of('String', 0)}}}")
        return random.choice(found)

    def a_bool(self, depth):
        random = self.random
        if depth <= 0:
            return random.choice(["true", "false", "context.mfa", "principal.active", self.has()])
        inner = depth - 1
        return random.choice(
            [
                self.logical,
                self.logical,
                self.equality,
                self.comparison,
                self.membership,
                self.sets,
                self.text,
                self.method,
                lambda _: self.has(),
            ]
        )(inner)

    def has(self):
        return self.random.choice(
            [
                "principal has tenant",
                "principal has manager",
                "principal has home",
                "(principal has home && principal.home has zip)",
                "principal has nothing",
                "resource has labels",
                "context has amount",
                "context.req has n",
                "resource.owner has tenant",
                'User::"u3" has name',
                'principal.hasTag("a")',
                'resource.hasTag("t1")',
                "principal.home has city",
            ]
        )

    def logical(self, depth):
        left, right = self.of("Bool", depth), self.of("Bool", depth)
        return self.random.choice([f"({left} && {right})", f"({left} || {right})", f"(!{left})"])

    def equality(self, depth):
        type_ = self.random.choice([*TYPES, "Color", "decimal", "datetime", "duration", "record"])
        sign = self.random.choice(["==", "!="])
        return f"({self.of(type_, depth)} {sign} {self.of(type_, depth)})"

    def comparison(self, depth):
        type_ = self.random.choice(["Long", "Long", "Long", "datetime", "duration", "decimal"])
        left, right = self.of(type_, depth), self.of(type_, depth)
        if type_ == "decimal":
            words = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]
            return f"{left}.{self.random.choice(words)}({right})"
        return f"({left} {self.random.choice(['<', '<=', '>', '>='])} {right})"

    def membership(self, depth):
        random = self.random
        left = random.choice(["principal", "resource", "resource.owner", self.of("Group", depth)])
        right = random.choice(
            [
                self.of("Group", depth),
                self.of("Group", depth),
                self.of("Folder", depth),
                self.of("Org", depth),
                f"[{self.of('Group', depth)}, {self.of('User', depth)}]",
                "principal.teams",
                "resource.readers",
                self.of("Set<User>", depth),
                "resource",
            ]
        )
        if random.random() < 0.1:
            return random.choice(
                [
                    'action in Action::"everything"',
                    'action in [Action::"writes", Action::"view"]',
                    'action == Action::"edit"',
                    'Action::"edit" in action',
                ]
            )
        if random.random() < 0.35:
            type_ = random.choice(["User", "Doc", "Group"])
            inside = f"({left} is {type_} in {right})"
            return random.choice([f"({left} is {type_})", inside, inside])
        return f"({left} in {right})"

    def sets(self, depth):
        random = self.random
        type_ = random.choice(["String", "Long", "User"])
        left = self.of(f"Set<{type_}>", depth)
        if random.random() < 0.3:
            return self.sets_of_sets(depth)
        return random.choice(
            [
                f"{left}.contains({self.of(type_, depth)})",
                f"{left}.containsAll({self.of(f'Set<{type_}>', depth)})",
                f"{left}.containsAny({self.of(f'Set<{type_}>', depth)})",
                f"{left}.isEmpty()",
                f"{left}.isEmpty()",
            ]
        )

    def sets_of_sets(self, depth):
        """Sets of records and of sets."""
        random = self.random
        name, number = self.of("String", 0), self.of("Long", 0)
        record = random.choice(
            [
                self.of("record", depth),
                f"{{name: {name}}}",
                f"{{name: {name}, rank: {number}}}",
                f"(if {self.of('Bool', 0)} then {{name: {name}}} else {{name: {name}, rank: 1}})",
                f"(if {self.of('Bool', 0)} then {{name: {name}}} else {{name: {name}}})",
            ]
        )
        roles = random.choice([f"[{record}]", f"[{record}, {{name: {name}}}]", "principal.roles"])
        numbers = self.of("Set<Long>", depth)
        if random.random() < 0.5:
            return random.choice(
                [
                    f"principal.roles.contains({record})",
                    f"(principal.roles == {roles})",
                    f"{roles}.containsAll(principal.roles)",
                    f"{roles}.containsAny(principal.roles)",
                    f"([{record}] == {roles})",
                    f"({record} == {self.of('record', depth)})",
                ]
            )
        both = f"(if {self.of('Bool', 0)} then {numbers} else {self.of('Set<Long>', 0)})"
        return random.choice(
            [
                f"principal.lists.contains({numbers})",
                f"principal.lists.contains({both})",
                f"(principal.lists == [{numbers}, {both}])",
                f"[{numbers}, [1]].containsAll(principal.lists)",
                f"{both}.contains({self.of('Long', 0)})",
                f"(principal.lists == principal.{random.choice(['nicks', 'teams', 'lists'])})",
                f"(principal.nicks == resource.{random.choice(['numbers', 'readers'])})",
                f"principal.teams.containsAll(resource.{random.choice(['numbers', 'readers'])})",
                f"principal.teams.containsAny(resource.{random.choice(['numbers', 'readers'])})",
            ]
        )

    def text(self, depth):
        pattern = self.random.choice(PATTERNS)
        return f'({self.of("String", depth)} like "{pattern}")'

    def method(self, depth):
        random = self.random
        if random.random() < 0.05:
            return 'context.ip.isInRange(ip("10.0.0.0/8"))'
        who = random.choice(["principal", "resource", self.entity("User", depth)])
        return f"{who}.hasTag({self.of('String', depth)})"


def policy(random, expressions, effect="permit"):
    principal = random.choice(
        ["principal"] * 5
        + [
            'principal in Group::"g1"',
            'principal == User::"u1"',
            "principal is User",
            'principal is User in Group::"g2"',
            'principal in Org::"o1"',
        ]
    )
    action = random.choice(
        ["action"] * 5
        + [
            'action == Action::"view"',
            'action in [Action::"edit", Action::"view"]',
            'action in Action::"everything"',
            'action in Action::"writes"',
        ]
    )
    resource = random.choice(
        ["resource"] * 5
        + [
            'resource in Folder::"f1"',
            "resource is Doc",
            'resource == Doc::"d1"',
            "resource is Folder",
        ]
    )
    text = f"{effect}({principal}, {action}, {resource})"
    for _ in range(random.choice([1, 1, 1, 2])):
        word = random.choice(["when", "when", "unless"])
        text += f" {word} {{ {expressions.of('Bool', random.choice([1, 2, 3]))} }}"
    return f"{text};"


def some(random, values, most=3):
    return [random.choice(values) for _ in range(random.randrange(most))]


def uid(random, type_):
    return EntityUid(type_, random.choice(IDS[type_]))


def user(random, id_):
    attrs = {
        "name": random.choice(STRINGS),
        "level": random.choice(LONGS),
        "nicks": some(random, STRINGS),
        "teams": [uid(random, "Group") for _ in range(random.randrange(3))],
        "active": random.random() < 0.5,
        "color": uid(random, "Color"),
        "roles": [
            {"name": random.choice(STRINGS)} | ({"rank": 1} if random.random() < 0.5 else {})
            for _ in range(random.randrange(3))
        ],
        "lists": [some(random, LONGS[:4]) for _ in range(random.randrange(3))],
        "score": CedarDecimal(random.choice(DECIMALS)),
        "born": CedarDatetime(random.choice(DATES)),
    }
    if random.random() < 0.6:
        attrs["tenant"] = random.choice(STRINGS)
    if random.random() < 0.6:
        attrs["manager"] = uid(random, "User")
    if random.random() < 0.6:
        attrs["home"] = {"city": random.choice(STRINGS)}
        if random.random() < 0.5:
            attrs["home"]["zip"] = random.choice(LONGS)
    parents = [uid(random, "Group") for _ in range(random.randrange(3))]
    tags = {name: random.choice(STRINGS) for name in some(random, STRINGS)}
    return Entity(EntityUid("User", id_), attrs=attrs, parents=parents, tags=tags)


def document(random, id_):
    attrs = {
        "owner": uid(random, "User"),
        "tenant": random.choice(STRINGS),
        "size": random.choice(LONGS),
        "readers": [uid(random, "User") for _ in range(random.randrange(3))],
        "numbers": some(random, LONGS),
        "age": CedarDuration(random.choice(DURATIONS)),
        "color": uid(random, "Color"),
    }
    if random.random() < 0.6:
        attrs["labels"] = some(random, STRINGS)
    parents = [uid(random, "Folder") for _ in range(random.randrange(2))]
    tags = {name: some(random, STRINGS) for name in some(random, STRINGS)}
    return Entity(EntityUid("Doc", id_), attrs=attrs, parents=parents, tags=tags)


def entities(random, *, missing=True):
    """A store without circles, from which an entity may be missing."""
    found = [user(random, id_) for id_ in IDS["User"]]
    found += [document(random, id_) for id_ in IDS["Doc"]]
    for number, id_ in enumerate(IDS["Group"]):
        above = [EntityUid("Group", other) for other in IDS["Group"][number + 1 :]]
        parents = [one for one in above if random.random() < 0.4]
        parents += [uid(random, "Org") for _ in range(random.randrange(2))]
        level = {"level": random.choice(LONGS)}
        found.append(Entity(EntityUid("Group", id_), attrs=level, parents=parents))
    found.append(Entity(EntityUid("Folder", "f1"), parents=[EntityUid("Folder", "f2")]))
    found += [Entity(EntityUid("Folder", "f2")), *(Entity(EntityUid("Org", i)) for i in IDS["Org"])]
    found += [Entity(EntityUid("Color", id_)) for id_ in IDS["Color"]]
    return [one for one in found if not missing or random.random() < 0.93]


def context(random, action):
    found = {"mfa": random.random() < 0.5}
    if action == "edit":
        return found
    found |= {"now": CedarDatetime(random.choice(DATES)), "req": {"path": random.choice(STRINGS)}}
    if random.random() < 0.5:
        found["amount"] = random.choice(LONGS)
    if random.random() < 0.5:
        found["req"]["n"] = random.choice(LONGS)
    if random.random() < 0.5:
        found["ip"] = CedarIp(random.choice(["10.0.0.1", "192.168.0.1"]))
    return found
