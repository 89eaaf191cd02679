"""Both sides of a solution, opened: Purchase to Pay, its mirror, and every administration that may take part."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Pool
from libs.errors import Refusal
from services.sync import checks, clients, memory
from services.sync.checks import Check, GlobeFacts, P2PFacts
from services.sync.clients import Member, Solution
from services.sync.globe.reader import Globe, GlobeAway
from services.sync.mappings import Kind
from services.sync.mappings.field import Scope
from services.sync.p2p import paths
from services.sync.p2p.client import P2P, Account, P2PForbidden
from services.sync.planning import Terms

OVERLAP = timedelta(seconds=30)
"""Read again what Purchase to Pay changed this long before the last reading: what was under way then is seen now."""

Connect = Callable[[Account], P2P]
Open = Callable[[Member], Globe]


@dataclass(frozen=True)
class Sides:
    """What a plan, an apply and a verify work with."""

    pool: Pool
    """Of our own database, as the worker."""
    solution: Solution
    p2p: P2P
    globes: Mapping[str, Globe]
    scopes: Mapping[str, Scope]
    checks: tuple[Check, ...]
    terms: Terms
    same_cost_types: bool
    away: frozenset[str]
    """Administrations whose Globe+ does not answer just now."""

    @property
    def client_id(self) -> UUID:
        return self.solution.client_id

    @property
    def account_id(self) -> UUID:
        return self.solution.account_id

    def without(self, administration: str) -> Sides:
        """The same when one more Globe+ does not answer."""
        return replace(
            self, globes={code: each for code, each in self.globes.items() if code != administration}
        )

    def refuse_when_stopped(self) -> None:
        """Raises ``Stopped`` with the checks that are not met."""
        if checks.stopped(self.checks)[0]:
            raise Stopped(checks=[each.as_json() for each in self.checks if each.stops])


class Stopped(Refusal):
    """The preconditions of Purchase to Pay are not met: see the checks."""

    slug = "preconditions"
    dutch = "Aan de voorwaarden van Purchase to Pay is niet voldaan: zie de controles."
    status = 409


@contextlib.asynccontextmanager
async def opened(
    pool: Pool, solution: Solution, connect: Connect, open_globe: Open, deleted: Collection[str] = ()
) -> AsyncIterator[Sides]:
    """Both sides, checked. Administrations that do not pass their checks are left out, and so are those that were
    ``deleted``; Purchase to Pay that does not answer raises."""
    p2p = connect(solution.account)
    globes: dict[str, Globe] = {}
    try:
        facts = await p2p_facts(p2p)
        found = list(checks.of_client(facts))
        same = checks.same_cost_types(facts)
        found.append(checks.cost_types_switched(solution.same_cost_types, same))
        found.append(checks.has_administrations(len(solution.members)))
        away: set[str] = set()
        for member in (each for each in solution.members if each.code not in deleted):
            globe = open_globe(member)
            globes[member.code] = globe
            if not facts.api_right:
                continue
            try:
                found += await _of_administration(p2p, globe, member, facts)
            except GlobeAway as silent:
                away.add(member.code)
                found.append(silent_globe(silent))
        found.append(await _names(pool, solution, globes, found))
        whole, out = checks.stopped(found)
        good = {code: globe for code, globe in globes.items() if not whole and code not in out}
        today = clock.now().astimezone(ZoneInfo(solution.timezone)).date()
        yield Sides(
            pool=pool,
            solution=solution,
            p2p=p2p,
            globes=good,
            scopes={code: scope_of(code, today, same, solution.settings) for code in good},
            checks=tuple(found),
            terms=terms_of(solution.settings),
            same_cost_types=same,
            away=frozenset(away),
        )
    finally:
        await p2p.close()
        for globe in globes.values():
            globe.close()


def silent_globe(away: GlobeAway) -> Check:
    """The check an administration does not pass whose Globe+ does not answer: it is left out, the others go on."""
    return Check("R201.2", False, Words(**away.words), away.administration)


async def p2p_facts(p2p: P2P) -> P2PFacts:
    """What Purchase to Pay tells about itself."""
    try:
        settings = {
            str(each.get("externalId") or each.get("code") or each.get("name")): each.get("value")
            for each in await p2p.every(paths.SETTING)
        }
    except P2PForbidden:
        return P2PFacts({}, frozenset(), frozenset(), api_right=False)
    types = frozenset(
        str(each.get("code") or each.get("externalId")) for each in await p2p.every(paths.ADDRESS_TYPE)
    )
    companies = frozenset(str(each.get("externalId")) for each in await p2p.every(paths.COMPANY))
    return P2PFacts(settings, types, companies)


async def _of_administration(p2p: P2P, globe: Globe, member: Member, facts: P2PFacts) -> list[Check]:
    told = await asyncio.to_thread(globe.administration)
    invoicing = member.code in facts.companies and await p2p.allowed(paths.INVOICE, member.code)
    return list(
        checks.of_administration(
            GlobeFacts(
                code=member.code,
                found=told is not None,
                currency=told.currency if told else "",
                country=told.country if told else "",
                bban=told.bban_creditors + told.bban_own if told else 0,
                product_update=member.product_update,
                integrator=member.integrator,
                licensed=member.licensed,
                invoicing=invoicing,
            ),
            facts,
        )
    )


async def _names(
    pool: Pool, solution: Solution, globes: Mapping[str, Globe], found: Sequence[Check]
) -> Check:
    """R201.7. All names of all administrations are read when one was written since, and else told as they were."""
    _, out = checks.stopped(found)
    asked = {code: globe for code, globe in globes.items() if code not in out}
    if len(asked) < 2:
        return checks.names_agree({})
    sums = {code: await asyncio.to_thread(globe.sums, "supplier") for code, globe in asked.items()}
    if solution.names.get("sums") == sums:
        return checks.from_json(solution.names["check"])
    names = {code: await asyncio.to_thread(globe.supplier_names) for code, globe in asked.items()}
    made = checks.names_agree(names)
    async with pool.acquire() as conn:
        await clients.compared_names(conn, solution.solution_id, {"sums": sums, "check": made.as_json()})
    return made


def scope_of(code: str, today: date, same_cost_types: bool, settings: Mapping[str, Any]) -> Scope:
    """The scope of an administration by the settings of its solution; what is not set is as usual."""
    usual = Scope(code, today)
    return replace(
        usual,
        same_cost_types=same_cost_types,
        languages=tuple(settings.get("languages", usual.languages)),
        condition_days=settings.get("condition_days", usual.condition_days),
        open_projects=settings.get("open_projects", usual.open_projects),
        inactive=frozenset(settings.get("inactive_statuses", usual.inactive)),
        bank_countries=settings.get("bank_countries", {}),
        salutations=settings.get("salutations", {}),
    )


def terms_of(settings: Mapping[str, Any]) -> Terms:
    usual = Terms()
    return Terms(
        deactivate_suppliers=settings.get("deactivate_suppliers", usual.deactivate_suppliers),
        deactivate_cost_centres=settings.get("deactivate_cost_centres", usual.deactivate_cost_centres),
    )


async def refresh(sides: Sides, kind: Kind, *, full: bool = False) -> None:
    """Bring the mirror of a kind up to date; what is not as it was is weighed by the next plan.

    Read whole the first time, when asked, at another address, and when its clock was put back; else only what Purchase
    to Pay says was changed since, by its clock.
    """
    client_id, account_id = sides.client_id, sides.account_id
    async with sides.pool.acquire() as conn:
        until, seen = await memory.cursor(conn, client_id, kind.name)
    since = None if full or until is None else until - OVERLAP
    seen += since is None
    began = None
    async for page, moment in sides.p2p.pages(kind.resource, since):
        began = began or moment
        async with sides.pool.acquire() as conn, conn.transaction():
            changed = await memory.reflect(conn, client_id, account_id, kind.name, memory.rows_of(page), seen)
            await memory.touch(conn, client_id, kind.name, changed)
    if since is not None and began is not None and began < since:
        await refresh(sides, kind, full=True)
        return
    async with sides.pool.acquire() as conn, conn.transaction():
        if since is None:
            await memory.touch(
                conn, client_id, kind.name, await memory.sweep(conn, client_id, kind.name, seen)
            )
        await memory.move_cursor(conn, client_id, account_id, kind.name, began or clock.now(), seen)


def chunks(found: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]
