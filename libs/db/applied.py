"""What a database has of a schema's migrations, beside what this release brings.

::

    in this release only   pre ▸ missing: this release cannot work yet      post ▸ waiting: the old one may still run
    in the database only   pre ▸ coming: a newer release is on its way      post ▸ newer: its contract step ran, and took
                                                                             away what this release needs
    in both, not alike     edited
"""

from __future__ import annotations

from dataclasses import dataclass

from libs.db.migrate import Migrations, checksum
from libs.db.types import Pool
from libs.errors import Unavailable

_APPLIED = "SELECT name, checksum FROM migration"


class MigrationsMissing(Unavailable):
    """The database is older than this release: run the migrate step."""

    slug = "migrations-missing"
    dutch = "De database is ouder dan deze versie: draai de stap migrate."


class SchemaNewer(Unavailable):
    """The database is of a newer release, and has lost what this one needs: run that release."""

    slug = "schema-newer"
    dutch = "De database is van een nieuwere versie en mist wat deze nodig heeft: draai die nieuwere versie."


@dataclass(frozen=True, slots=True)
class Applied:
    """Names of files, by how they stand."""

    missing: tuple[str, ...]
    waiting: tuple[str, ...]
    coming: tuple[str, ...]
    newer: tuple[str, ...]
    edited: tuple[str, ...]

    def insist(self, schema: str) -> None:
        """Raises ``MigrationsMissing`` or ``SchemaNewer`` when this release cannot work with it."""
        for names, wrong in ((self.newer, SchemaNewer), (self.missing, MigrationsMissing)):
            if names:
                listed = f"{schema}: {', '.join(names)}"
                raise wrong(f"{wrong.__doc__} ({listed})", nl=f"{wrong.dutch} ({listed})")


class Schema:
    """One schema as this release wants it; its files are read once."""

    def __init__(self, migrations: Migrations) -> None:
        self.name = migrations.schema
        self._wanted = {name: checksum(text) for name, text in migrations.files()}

    async def look(self, pool: Pool) -> Applied:
        """Raises asyncpg's errors; a schema that was never migrated has no such table."""
        found = {row["name"]: row["checksum"] for row in await pool.fetch(_APPLIED)}
        only_here = [name for name in self._wanted if name not in found]
        only_there = sorted(found.keys() - self._wanted.keys())
        return Applied(
            missing=tuple(name for name in only_here if "_pre_" in name),
            waiting=tuple(name for name in only_here if "_post_" in name),
            coming=tuple(name for name in only_there if "_pre_" in name),
            newer=tuple(name for name in only_there if "_post_" in name),
            edited=tuple(name for name, text in self._wanted.items() if found.get(name, text) != text),
        )
