"""Everything that Dikast raises on purpose.

    DikastError
    ├── InputError (also a ValueError)      fix what you gave; the command line exits with 2
    │   ├── DataError                       an interaction or label file
    │   ├── JudgeError                      a judge definition or prompt
    │   ├── LabelConflict                   somebody else saved the label in between; carries theirs
    │   ├── SettingError                    a setting, flag or environment variable
    │   └── PolicyError                     the privacy policy forbids it
    └── WorldError                          the world failed; the command line exits with 1
        ├── StoreError                      the database: locked, full, broken, unreachable
        ├── OutputError                     a result could not be written
        ├── MissingExtra                    an optional package is not installed
        └── EndpointError                   a model endpoint; carries `retryable` and `retry_after_s`
            ├── EndpointDown                refused, unreachable, dropped: retry, and pause the run
            │   └── EndpointDropped         the connection stood, and was dropped
            ├── EndpointBusy                429, 503, loading: back off
            ├── EndpointTimeout             no answer in time
            ├── EndpointGarbled             an answer that is not what the protocol says, such as cut JSON
            ├── EndpointRefused             4xx: the request itself is not accepted; a retry can't help
            └── PromptTooLong               the prompt does not fit the model's context

A message says what was given, what was expected, and what to do. Errors of libraries are mapped to these once, where
the library is called; a TypeError is a bug and passes through.
"""

from __future__ import annotations

from typing import Any


class DikastError(Exception):
    """The base of every error that Dikast raises on purpose."""

    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class InputError(DikastError, ValueError):
    """What the user gave can't be used as it is."""


class DataError(InputError):
    """A file of interactions or labels can't be used."""


class JudgeError(InputError):
    """A judge definition or prompt can't be used."""


class LabelConflict(InputError):
    """Somebody else saved the same label in between; `theirs` is the LabelRevision that stands now, None for none."""

    def __init__(self, message: str, *, theirs: Any, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.theirs = theirs


class SettingError(InputError):
    """A setting, flag or environment variable can't be used."""


class PolicyError(InputError):
    """The privacy policy forbids it: a request would leave the machine or the private network."""


class WorldError(DikastError):
    """The world failed: a server, a disk, a database."""

    retryable = False


class StoreError(WorldError):
    """The database could not be opened, read or written."""


class OutputError(WorldError):
    """A result could not be written."""


class MissingExtra(WorldError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed", hint=f"pip install 'dikast[{extra}]'")
        self.extra = extra


class EndpointError(WorldError):
    """A model endpoint did not answer as it should."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
        body: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after_s = retry_after_s
        self.body = body


class EndpointDown(EndpointError):
    """Refused, unreachable, or dropped in the middle."""

    retryable = True


class EndpointDropped(EndpointDown):
    """The connection stood, and was dropped before the whole answer was there."""


class EndpointBusy(EndpointError):
    """429, 503, or still loading its model."""

    retryable = True


class EndpointTimeout(EndpointError):
    """No answer within the time limit."""

    retryable = True


class EndpointGarbled(EndpointError):
    """An answer that does not follow the protocol, such as cut JSON or a 500."""

    retryable = True


class EndpointRefused(EndpointError):
    """The request itself is not accepted (4xx); asking again can't help."""


class PromptTooLong(EndpointError):
    """The prompt does not fit the model's context; nothing was cut in silence."""
