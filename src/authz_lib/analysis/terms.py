"""Formulas of the solver: constants stay Python values for as long as they can.

A formula is a Python value or a term of cvc5:

============  =============  ==========
Cedar         Python         SMT sort
============  =============  ==========
Bool          ``bool``       Bool
Long          ``int``        Int
String        ``str``        String
an entity id  ``int``        Int, see `Terms.entity_id`
============  =============  ==========

What is known folds away here, so that a policy about another action leaves nothing behind.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib._support.extras import load_extra
from authz_lib._support.longs import MAX_LONG, MIN_LONG

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Formula", "Terms", "UnsupportedError"]

Formula: TypeAlias = Any
"""A constant or a term."""

_MAX_CODE_POINT = 0x2FFFF  # of SMT-LIB's strings
_SURROGATES = range(0xD800, 0xE000)


class UnsupportedError(Exception):
    """Something that is not translated; the text says what."""


class Terms:
    """Makes terms, and declares what they are about.

    Raises:
        ConfigurationError: cvc5 is not installed.
    """

    def __init__(self) -> None:
        cvc5 = load_extra("cvc5", extra="analysis", what="a proof about policies")
        self._cvc5, self.kind = cvc5, cvc5.Kind
        self.manager = manager = cvc5.TermManager()
        self._make = manager.mkTerm
        self.bool = manager.getBooleanSort()
        self.int = manager.getIntegerSort()
        self.string = manager.getStringSort()
        self._functions: dict[str, Any] = {}
        self._ids: dict[str, dict[str, int]] = {}

    def solver(self, seconds: int) -> Any:
        """A solver that can be asked again and again; it gives up after so long."""
        solver = self._cvc5.Solver(self.manager)
        solver.setOption("incremental", "true")
        solver.setOption("produce-models", "true")
        solver.setOption("produce-unsat-assumptions", "true")
        solver.setOption("tlimit-per", str(1000 * seconds))
        solver.setLogic("ALL")
        return solver

    def set_of(self, sort: Any) -> Any:
        return self.manager.mkSetSort(sort)

    def tuple_of(self, sorts: Iterable[Any]) -> Any:
        return self.manager.mkTupleSort(*sorts)

    def entity_id(self, entity_type: str, id_: str) -> int:
        """The number of an id: the ids of a type are compared, and nothing else."""
        ids = self._ids.setdefault(entity_type, {})
        return ids.setdefault(id_, len(ids))

    def ids(self, entity_type: str) -> dict[int, str]:
        """The ids that have a number so far."""
        return {number: id_ for id_, number in self._ids.get(entity_type, {}).items()}

    def constant(self, name: str, sort: Any) -> Any:
        """The unknown of a name."""
        if name not in self._functions:
            self._functions[name] = self.manager.mkConst(sort, name)
        return self._functions[name]

    def apply(self, name: str, sort: Any, *arguments: tuple[Formula, Any]) -> Any:
        """An unknown function of a name, applied to formulas, each with its sort."""
        if name not in self._functions:
            function = self.manager.mkFunctionSort([sort for _, sort in arguments], sort)
            self._functions[name] = self.manager.mkConst(function, name)
        terms = [self.term(formula) for formula, _ in arguments]
        return self._make(self.kind.APPLY_UF, self._functions[name], *terms)

    def term(self, formula: Formula) -> Any:
        """The term of a constant; a term is one already."""
        if isinstance(formula, bool):
            return self.manager.mkBoolean(formula)
        if isinstance(formula, int):
            return self.manager.mkInteger(str(formula))  # an `int` may have 32 bits only
        if isinstance(formula, str):
            return self.text(formula)
        return formula

    def text(self, text: str) -> Any:
        if any(ord(sign) > _MAX_CODE_POINT or ord(sign) in _SURROGATES for sign in text):
            raise UnsupportedError("a text with a character beyond U+2FFFF")
        return self.manager.mkString("".join(f"\\u{{{ord(sign):x}}}" for sign in text), True)

    def make(self, kind: Any, *formulas: Formula) -> Any:
        """A term without folding."""
        return self._make(kind, *[self.term(formula) for formula in formulas])

    def not_(self, formula: Formula) -> Formula:
        if isinstance(formula, bool):
            return not formula
        if formula.getKind() == self.kind.NOT:
            return formula[0]
        return self._make(self.kind.NOT, formula)

    def and_(self, *formulas: Formula) -> Formula:
        return self._joined(self.kind.AND, True, formulas)

    def or_(self, *formulas: Formula) -> Formula:
        return self._joined(self.kind.OR, False, formulas)

    def _joined(self, kind: Any, neutral: bool, formulas: Iterable[Formula]) -> Formula:
        kept: dict[int, Formula] = {}
        for formula in formulas:
            if isinstance(formula, bool):
                if formula is not neutral:
                    return formula
            elif formula.getKind() == kind:
                kept.update((part.getId(), part) for part in formula)
            else:
                kept[formula.getId()] = formula
        terms = list(kept.values())
        if any(one.getKind() == self.kind.NOT and one[0].getId() in kept for one in terms):
            return not neutral
        if not terms:
            return neutral
        return terms[0] if len(terms) == 1 else self._make(kind, *terms)

    def implies(self, premise: Formula, conclusion: Formula) -> Formula:
        return self.or_(self.not_(premise), conclusion)

    def if_(self, condition: Formula, first: Formula, second: Formula) -> Formula:
        if isinstance(condition, bool):
            return first if condition else second
        if isinstance(first, bool) and isinstance(second, bool):
            if first is second:
                return first
            return condition if first else self.not_(condition)
        first, second = self.term(first), self.term(second)
        return first if first == second else self._make(self.kind.ITE, condition, first, second)

    def equal(self, first: Formula, second: Formula) -> Formula:
        """Whether two formulas of one sort are equal."""
        known = isinstance(first, (bool, int, str)), isinstance(second, (bool, int, str))
        if all(known):
            return bool(first == second)
        for one, other in ((first, second), (second, first)):
            if isinstance(one, bool):
                return other if one else self.not_(other)
        if not any(known) and first == second:
            return True
        return self._make(self.kind.EQUAL, self.term(first), self.term(second))

    def less(self, first: Formula, second: Formula) -> Formula:
        if isinstance(first, int) and isinstance(second, int):
            return first < second
        return self.make(self.kind.LT, first, second)

    def sum(self, first: Formula, second: Formula) -> Formula:
        if isinstance(first, int) and isinstance(second, int):
            return first + second
        return self.make(self.kind.ADD, first, second)

    def difference(self, first: Formula, second: Formula) -> Formula:
        if isinstance(first, int) and isinstance(second, int):
            return first - second
        return self.make(self.kind.SUB, first, second)

    def product(self, first: Formula, second: Formula) -> Formula:
        if isinstance(first, int) and isinstance(second, int):
            return first * second
        if isinstance(first, int) or isinstance(second, int):
            return self.make(self.kind.MULT, first, second)
        raise UnsupportedError("a product of two unknown numbers")

    def divided(self, formula: Formula, by: int) -> Formula:
        """Rounded down."""
        if isinstance(formula, int):
            return formula // by
        return self.make(self.kind.INTS_DIVISION, formula, by)

    def is_long(self, formula: Formula) -> Formula:
        """Whether a number fits 64 bits; to Cedar, others are errors."""
        return self.is_between(formula, MIN_LONG, MAX_LONG)

    def is_between(self, formula: Formula, least: int, most: int) -> Formula:
        return self.and_(self.not_(self.less(formula, least)), self.not_(self.less(most, formula)))

    def empty_set(self, element_sort: Any) -> Any:
        return self.manager.mkEmptySet(self.set_of(element_sort))

    def set_from(self, element_sort: Any, elements: Iterable[Formula]) -> Any:
        made = self.empty_set(element_sort)
        for element in elements:
            one = self.make(self.kind.SET_SINGLETON, element)
            made = self._make(self.kind.SET_UNION, made, one)
        return made

    def member(self, element: Formula, of: Any) -> Any:
        return self.make(self.kind.SET_MEMBER, element, of)

    def subset(self, first: Any, second: Any) -> Any:
        return self._make(self.kind.SET_SUBSET, first, second)

    def disjoint(self, first: Any, second: Any) -> Any:
        return self.is_empty(self._make(self.kind.SET_INTER, first, second))

    def is_empty(self, of: Any) -> Any:
        return self._make(self.kind.SET_IS_EMPTY, of)

    def like(self, text: Formula, pattern: list[str | None]) -> Any:
        """Whether a text fits a pattern; None stands for any text."""
        kind = self.kind
        any_text = self._make(kind.REGEXP_ALL)
        parts = []
        for is_any, run in groupby(pattern or [""], key=lambda part: part is None):
            text_term = None if is_any else self.text("".join(map(str, run)))
            parts.append(any_text if is_any else self._make(kind.STRING_TO_REGEXP, text_term))
        whole = parts[0] if len(parts) == 1 else self._make(kind.REGEXP_CONCAT, *parts)
        return self._make(kind.STRING_IN_REGEXP, self.term(text), whole)
