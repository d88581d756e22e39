"""The grammar's machine: passes of rules, each a regular expression over token letters and a function on the tokens."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from services.requests.chat.times.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Rule:
    """``letters`` becomes one token of ``letter`` wherever ``build`` makes a value of the tokens; None refuses.

    With an empty ``letter`` the value is a pair that brings its own.
    """

    def __init__(self, letter: str, letters: str, build: Callable[[Sequence[Token]], Any]) -> None:
        self.letter = letter
        self.letters = letters
        self.build = build

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.letters)


class Pass:
    """Rules that are tried together, from left to right; at one place the earlier rule wins."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def rule(self, letter: str, *letters: str) -> Callable[[Callable[[Sequence[Token]], Any]], Any]:
        """Declare a rule for each pattern; every group inside a pattern must be non-capturing."""

        def declare(build: Callable[[Sequence[Token]], Any]) -> Any:
            self.rules.extend(Rule(letter, each, build) for each in letters)
            return build

        return declare

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"({each.letters})" for each in self.rules))

    def run(self, tokens: list[Token]) -> list[Token]:
        """The tokens with every rule applied once, longest-standing rule first at each place."""
        letters = "".join([token.letter for token in tokens])
        found = self.pattern.search(letters)
        if found is None:
            return tokens
        out: list[Token] = []
        at = 0
        while found is not None:
            start = found.start()
            out.extend(tokens[at:start])
            made, at = self._build(tokens, letters, start, found.end(), found.lastindex or 1)
            out.append(made)
            found = self.pattern.search(letters, at)
        out.extend(tokens[at:])
        return out

    def _build(self, tokens: list[Token], letters: str, start: int, end: int, number: int) -> tuple[Token, int]:
        """The token that the first willing rule makes at ``start``, else the token that stands there."""
        for index in range(number - 1, len(self.rules)):
            rule = self.rules[index]
            if index != number - 1:
                found = rule.pattern.match(letters, start)
                if found is None:
                    continue
                end = found.end()
            if end > start:
                taken = tokens[start:end]
                value = rule.build(taken)
                if value is not None:
                    letter, value = (rule.letter, value) if rule.letter else value
                    return Token(letter, value, taken[0].start, taken[-1].end, taken[0].text), end
        return tokens[start], start + 1
