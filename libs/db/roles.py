"""The roles of the hub and the one script an administrator's rights are needed for.

::

    <schema>_owner    owns the schema; migrates; deletes at the end of retention
    <schema>_worker   member of postbode_worker, documents_client
    <schema>_api      member of postbode_api, documents_client; bound to one account by row policies
    ledger_reader     reads the views called ledger, one in each service, and nothing else

No role may do anything in another service's schema. Nobody is above row policies (``BYPASSRLS``).
"""

from __future__ import annotations

from libs.db.settings import DatabaseSettings

LOGIN_ROLES = ("owner", "worker", "api")

GROUPS = ("documents_client", "postbode_worker", "postbode_api")
"""Roles nobody logs in with. ``documents_client`` may store and read documents (its grants stand in the
migration of ``documents``); the other two say what kind of role somebody is, for row policies of shared
schemas."""

LEDGER = "ledger_reader"
"""The one role that looks into several services, through what each of them shows. Its grants stand in the
migrations that make the views."""

MEMBERS = {"worker": ("documents_client", "postbode_worker"), "api": ("documents_client", "postbode_api")}


def bootstrap(settings: DatabaseSettings, schema: str) -> str:
    """What the administrator runs: the only statements that need more than the owner's rights."""
    parts = [_PUBLIC, *(_group(name) for name in GROUPS), _login(LEDGER, _password(settings, LEDGER))]
    for kind in LOGIN_ROLES:
        role = f"{schema}_{kind}"
        parts.append(_login(role, _password(settings, role)))
        parts += [_member(role, group) for group in MEMBERS.get(kind, ())]
    owner = f"{schema}_owner"
    parts += [
        _act_as(owner),
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}_worker, {schema}_api;",
    ]
    return "\n".join(parts)


def _password(settings: DatabaseSettings, role: str) -> str | None:
    return None if settings.own_url(role) is not None else settings.verifier(role)


_PUBLIC = """DO $$ BEGIN
  IF to_regnamespace('public') IS NOT NULL THEN REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF;
END $$;"""


def _group(role: str) -> str:
    return _unless(f"EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')", f"CREATE ROLE {role} NOLOGIN")


def _login(role: str, verifier: str | None) -> str:
    """Create the role if it is missing; set its password unless somebody else keeps it."""
    create = _unless(f"EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')", f"CREATE ROLE {role} LOGIN")
    return create if verifier is None else f"{create}\nALTER ROLE {role} PASSWORD '{verifier}';"


def _member(role: str, group: str) -> str:
    return _unless(f"pg_has_role('{role}', '{group}', 'MEMBER')", f"GRANT {group} TO {role}")


def _act_as(role: str) -> str:
    """An administrator who is no superuser must belong to a role before giving it a schema."""
    return _unless(f"pg_has_role(current_user, '{role}', 'USAGE')", f"GRANT {role} TO CURRENT_USER")


def _unless(condition: str, statement: str) -> str:
    """Roles belong to the whole server, the lock to one database: somebody may still come in between."""
    return f"""DO $$ BEGIN
  IF NOT ({condition}) THEN {statement}; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;"""
