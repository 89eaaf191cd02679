"""What deliver needs beside database and broker before it should get work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from libs.room import room
from libs.service import Part
from services.deliver.settings import DeliverSettings


def checks(settings: DeliverSettings) -> Mapping[Part, Mapping[str, Callable[[], Awaitable[None]]]]:
    """By part of the process: the workers write into receivers' folders."""
    return {"worker": {"disk": room(settings.folder_root, settings.least_free_bytes)}}
