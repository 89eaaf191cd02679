"""docs/configuration.md: every setting there is, from the classes that read them. Stands above the services.

``python -m services.configuration`` prints the page; ``make contracts`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from libs.settings import PREFIX, Settings
from services.doctor import settings_of
from services.solo import SERVICES

_KINDS = {bool: "true or false", int: "whole number", float: "number"}
_LIMITS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}

_HEAD = """# Configuration

Made from the code (`make contracts`). Everything is read from the environment, when a process starts; what is wrong ends
it with code 78 and the name of the variable, before it touches anything.

- For every variable `X` there may be `X_FILE` instead: the path of a file that holds the value. Give secrets so.
- What every process reads may be said anew for one service, under its prefix: `POSTBODE_INGEST_LOG_LEVEL`.
- Lists are written with commas or as JSON. In the image `POSTBODE_HOST` is `0.0.0.0`, and `POSTBODE_HEALTH_PORT` 8080.
- `POSTBODE_SECRET` has to be set where `POSTBODE_BASE_URL` or `POSTBODE_HOST` is not this machine, and
  `POSTBODE_DATABASE_URL` wherever there is a database.
"""

_TAIL = """
## Names that are made

| variable | value | default | means |
| --- | --- | --- | --- |
| `POSTBODE_<SERVICE>_<ROLE>_DATABASE_URL` | text, secret | from `POSTBODE_DATABASE_URL` | where a service logs in as \
`OWNER`, `WORKER` or `API`, when somebody else keeps that role and its password |
| `POSTBODE_<SERVICE>_LEDGER_DATABASE_URL` | text, secret | from `POSTBODE_DATABASE_URL` | where track reads the ledger of \
a service that has a database of its own |
| `POSTBODE_OPERATOR` | text | the system's user | who is at the command line, for the record |
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. ``secret``: its value is nobody's business."""

    name: str
    value: str
    default: str
    means: str
    secret: bool


def variables(kind: type[Settings]) -> Iterator[Variable]:
    """What this class adds to ``Settings``; of ``Settings`` itself, all."""
    prefix = str(kind.model_config.get("env_prefix", PREFIX))
    for name, field in kind.model_fields.items():
        if kind is Settings or name not in Settings.model_fields:
            yield _variable(f"{prefix}{name.upper()}", field)


def page() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD, "\n## Every process\n\n", _table(Settings)]
    for service in SERVICES:
        parts += [f"\n## {service}\n\n", _table(settings_of(service))]
    return "".join((*parts, _TAIL))


def _table(kind: type[Settings]) -> str:
    rows = ["| variable | value | default | means |", "| --- | --- | --- | --- |"]
    for each in variables(kind):
        value = f"{each.value}, secret" if each.secret else each.value
        rows.append(f"| `{each.name}` | {value} | {each.default} | {each.means} |")
    return "\n".join(rows) + "\n"


def _variable(name: str, field: FieldInfo) -> Variable:
    kinds = [kind for kind in _alternatives(field.annotation) if kind is not NoneType]
    secret = not field.repr or SecretStr in kinds
    means = (field.description or "").replace("|", "\\|")
    kind, limits = kinds[0], [*field.metadata]
    if get_origin(kind) is Annotated:  # a type of its own that may be left out: its limits stand with it
        kind, *more = get_args(kind)
        limits += [limit for each in more for limit in getattr(each, "metadata", ())]
    return Variable(
        name, _value(kind, limits), _default(field.get_default(call_default_factory=True)), means, secret
    )


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _value(kind: Any, known: Sequence[Any]) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    limits = [
        f"{sign} {getattr(limit, name):,}".replace(",", " ")
        for limit in known
        for of_kind, (name, sign) in _LIMITS.items()
        if isinstance(limit, of_kind)
    ]
    least = "at least {}" if get_origin(kind) is tuple else "at least {} characters"
    limits += [least.format(limit.min_length) for limit in known if isinstance(limit, MinLen)]
    return ", ".join((_name(kind), *limits))


def _name(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "list"
    if isinstance(kind, type) and issubclass(kind, Path):
        return "path"
    return _KINDS.get(kind, "text")


def _default(value: Any) -> str:
    if value in (None, "", (), {}):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value}`"


if __name__ == "__main__":
    print(page(), end="")
