"""What makes a scanner short: typed files and lines instead of indices, places and evidence that
fill themselves in, configuration checked as it is read. It keeps no state between calls.

The surface itself, with the unit and limit of every field, is in wit/.
"""

import contextlib
import io
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import BuiltinImporter, FrozenImporter
from typing import Any, ClassVar, Literal, cast

from wit_world.exports import scan as wit
from wit_world.imports import change as wit_change
from wit_world.imports import config as wit_config
from wit_world.imports import log as wit_log

Severity = Literal["info", "warn", "block"]
ChangeKind = Literal["added", "deleted", "modified", "renamed", "copied", "type-changed"]
LineKind = Literal["context", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a scanner."""

    id: str
    """Stable kebab-case name of at most 64 bytes."""
    title: str
    """A few words."""
    help: str
    """What it looks for, why that matters and what is not flagged."""
    severity: Severity
    """What its findings carry unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding is: a path and a 1-based line, both on the given side."""

    path: str
    line: int
    side: Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk."""

    file: "File"
    kind: LineKind
    old_line: int
    """1-based number before; 0 for an added line."""
    new_line: int
    """1-based number after; 0 for a removed line."""
    text: str
    """Text without its line terminator."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of changed lines with their context."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    """What git prints after the second `@@`: usually the enclosing function."""
    lines: list[Line]


class File:
    """One changed file. Its contents are fetched when asked for: a file that is skipped costs nothing."""

    def __init__(self, diff: wit_change.Diff, index: int, record: wit_change.FileChange) -> None:
        self._diff = diff
        self._index = index
        self.old_path: str | None = record.old_path
        """Path before; None when added."""
        self.new_path: str | None = record.new_path
        """Path after; None when deleted."""
        self.kind = cast(ChangeKind, record.kind.name.lower().replace("_", "-"))
        self.binary: bool = record.binary
        """Git treats the contents as binary: there are no hunks."""
        self.old_mode: int = record.old_mode
        self.new_mode: int = record.new_mode
        self.additions: int = record.additions
        self.deletions: int = record.deletions

    @property
    def path(self) -> str:
        """Path after, or before when the file was deleted."""
        return self.new_path if self.new_path is not None else self.old_path or ""

    @cached_property
    def hunks(self) -> list[Hunk]:
        return [
            Hunk(
                hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count, hunk.section,
                [Line(self, _LINE_KINDS[line.kind], line.old_line, line.new_line, line.text) for line in hunk.lines],
            )
            for hunk in self._diff.hunks(self._index)
        ]

    def lines(self) -> Iterator[Line]:
        """The lines of all hunks."""
        return (line for hunk in self.hunks for line in hunk.lines)

    def added(self) -> Iterator[Line]:
        """The added lines of all hunks."""
        return (line for line in self.lines() if line.kind == "added")

    def removed(self) -> Iterator[Line]:
        """The removed lines of all hunks."""
        return (line for line in self.lines() if line.kind == "removed")

    def before(self) -> bytes | None:
        """Full contents before; None when the file was not there or the host has only a patch."""
        return self._diff.before(self._index)

    def after(self) -> bytes | None:
        """Full contents after; None when the file is gone or the host has only a patch."""
        return self._diff.after(self._index)


_LINE_KINDS: dict[wit_change.LineKind, LineKind] = {
    wit_change.LineKind.CONTEXT: "context",
    wit_change.LineKind.ADDED: "added",
    wit_change.LineKind.REMOVED: "removed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """The change under judgement."""

    files: list[File]
    """All changed files, in the order of the patch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at."""

    rule: Rule
    """One of the scanner's rules."""
    message: str
    """One sentence: what changed and why it matters. Cut to 1,000 bytes."""
    at: Line | File | Place | None = None
    """A line, a file as a whole, any other place, or None for the change as a whole."""
    severity: Severity | None = None
    """The rule's, unless given."""
    evidence: str | None = None
    """What it rests on, cut to 4,000 bytes. For a line it is the line's text, trimmed, unless given."""


class Scanner:
    """Base of a plugin's `Scan` class: give it `RULES` and `judge`."""

    RULES: ClassVar[list[Rule]]

    def judge(self, change: Change) -> Iterable[Finding]:
        """Returns or yields at most 1,000 findings.

        An exception is written to the log and fails the scan, which keeps the gate shut.
        """
        raise NotImplementedError

    def rules(self) -> list[wit.Rule]:
        return [wit.Rule(rule.id, rule.title, rule.help, _severity(rule.severity)) for rule in self.RULES]

    def scan(self, change: wit_change.Diff) -> list[wit.Finding]:
        sys.meta_path[:] = [BuiltinImporter, FrozenImporter, _NoFiles()]
        with contextlib.redirect_stdout(_LogStream(log.info)), contextlib.redirect_stderr(_LogStream(log.warn)):
            try:
                files = [File(change, index, record) for index, record in enumerate(change.files())]
                return [self._complete(finding) for finding in self.judge(Change(files))]
            except Exception as error:
                # Nothing but a trap leaves the component; the reason is kept where the operator looks.
                _log_error(error)
                raise

    def _complete(self, finding: Finding) -> wit.Finding:
        if finding.rule not in self.RULES:
            raise ValueError(f"a finding names the rule '{finding.rule.id}', which is not in RULES")
        evidence = finding.evidence
        if evidence is None:
            evidence = trim(finding.at.text) if isinstance(finding.at, Line) else ""
        severity = _severity(finding.severity or finding.rule.severity)
        return wit.Finding(finding.rule.id, severity, _place(finding.at), finding.message, evidence)


# Enough to find the place; a recursion without end would fill the log by itself.
_FRAMES_LOGGED = 20


def _log_error(error: Exception) -> None:
    """Not traceback's own format: it opens the source files, and there are none in a component."""
    log.error(f"{type(error).__name__}: {error}")
    for frame, line in list(traceback.walk_tb(error.__traceback__))[-_FRAMES_LOGGED:]:
        log.error(f"  {frame.f_code.co_qualname} ({frame.f_code.co_filename.rpartition('/')[2]}:{line})")


def _severity(name: Severity) -> wit.Severity:
    return wit.Severity[name.upper()]


def _place(at: Line | File | Place | None) -> wit.Place | None:
    match at:
        case None:
            return None
        case Line(kind="removed"):
            return wit.Place(at.file.old_path or "", at.old_line, wit.Side.OLD)
        case Line():
            return wit.Place(at.file.new_path or "", at.new_line, wit.Side.NEW)
        case File():
            return wit.Place(at.path, 1, wit.Side.OLD if at.new_path is None else wit.Side.NEW)
        case Place():
            return wit.Place(at.path, at.line, wit.Side[at.side.upper()])


class log:
    """Lines for the operator, at most 1,000 a call and 4,096 bytes each. `print` writes here too."""

    @staticmethod
    def debug(message: str) -> None:
        wit_log.write(wit_log.Level.DEBUG, message)

    @staticmethod
    def info(message: str) -> None:
        wit_log.write(wit_log.Level.INFO, message)

    @staticmethod
    def warn(message: str) -> None:
        wit_log.write(wit_log.Level.WARN, message)

    @staticmethod
    def error(message: str) -> None:
        wit_log.write(wit_log.Level.ERROR, message)


class _LogStream(io.TextIOBase):
    """Where `print` goes: there is no terminal, so that what a library prints is read in the log."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write_line = write_line

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                self._write_line(line)
        return len(text)


class _NoFiles:
    """Says why a late import fails: modules are read while the plugin is built, and never again."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        raise ImportError(f"import {name} at the top of plugin.py: a component has no files to read it from")


class config:
    """The plugin's configuration as the operator wrote it.

    A key that is not set gives the fallback, a value of another type is an error. Only inside a
    call: there is none yet while the plugin is built.
    """

    @staticmethod
    def all() -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(wit_config.all()))

    @staticmethod
    def string(key: str, fallback: str) -> str:
        return cast(str, _setting(key, fallback, "a string", lambda value: isinstance(value, str)))

    @staticmethod
    def number(key: str, fallback: float) -> float:
        def fits(value: object) -> bool:
            return isinstance(value, (int, float)) and not isinstance(value, bool)

        return cast(float, _setting(key, fallback, "a number", fits))

    @staticmethod
    def boolean(key: str, fallback: bool) -> bool:
        return cast(bool, _setting(key, fallback, "true or false", lambda value: isinstance(value, bool)))

    @staticmethod
    def strings(key: str, fallback: list[str]) -> list[str]:
        def fits(value: object) -> bool:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)

        return cast(list[str], _setting(key, fallback, "a list of strings", fits))


def _setting(key: str, fallback: object, wanted: str, fits: Callable[[object], bool]) -> object:
    value = config.all().get(key, fallback)
    if not fits(value):
        raise ValueError(f"config key '{key}' is {json.dumps(value)}, which is not {wanted}")
    return value


def has_word(text: str, word: str) -> bool:
    """Whether the text has the word with no ASCII letter, digit or `_` beside it."""
    return word != "" and re.search(f"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", text) is not None


def trim(text: str) -> str:
    """The text without ASCII whitespace at both ends; str.strip also takes the spaces of other scripts."""
    return text.strip("\t\n\f\r ")
