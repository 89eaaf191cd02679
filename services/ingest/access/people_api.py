"""People over HTTP: sign-up, invitations, roles, passwords.

What strangers may ask (sign-up, a forgotten password) is answered alike whether the address is known or not, after as much
work: only its owner learns, by mail.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from libs import clock
from libs.contracts.parts import Words
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.errors import Conflict, Forbidden, NotFound
from libs.http.principal import Principal, requires
from libs.links import read_token
from libs.service import Wake
from services.ingest.access import accounts, links, users
from services.ingest.access.given import (
    ChangedPassword,
    ForgottenPassword,
    NewRole,
    NewUser,
    SignUp,
    UsedLink,
)
from services.ingest.access.links import Addressee, LinkOver
from services.ingest.access.passwords import Passwords
from services.ingest.access.roles import Role
from services.ingest.access.tries import Tries

Anybody = Annotated[Principal, Depends(requires("invoice:read"))]
Admin = Annotated[Principal, Depends(requires("account:admin"))]

MAILED = Words(
    nl="Als dit adres te gebruiken is, is er nu een e-mail naartoe onderweg. Volg de link daarin.",
    en="If this address can be used, a mail is on its way to it. Follow the link in it.",
)
USER_ALREADY = Words(
    nl="Dit adres is al een gebruiker van dit account.", en="This address is a user of this account already."
)
WRONG_PASSWORD = Words(
    nl="Dit is niet uw wachtwoord. Weet u het niet meer: vraag een nieuw aan.",
    en="This is not your password. If you do not remember it, ask for a new one.",
)
NO_USER = Words(
    nl="Een API-sleutel heeft geen wachtwoord: log in met gebruikersnaam en wachtwoord.",
    en="An API key has no password: sign in with user name and password.",
)


class Mailed(BaseModel):
    """The same for every address."""

    words: Words = MAILED


class Joined(BaseModel):
    kind: Literal["sign-up", "known", "invitation", "reset"]
    account_id: UUID
    user_name: str
    role: Role


class User(BaseModel):
    user_id: UUID
    email: str
    role: Role
    state: Literal["active", "invited"] = "active"
    created_at: datetime | None = None
    expires_at: datetime | None = None
    """Of an invitation that was not answered yet."""


class People:
    """What the routes share. ``pool`` has the api role; ``worker`` uses links."""

    def __init__(
        self, pool: Pool, worker: Pool, passwords: Passwords, guesses: Tries, mails: Tries, wake: Wake
    ) -> None:
        self.pool = pool
        self.worker = worker
        self.passwords = passwords
        self.guesses = guesses
        self.wake = wake
        self.mails = mails
        """Strangers may have somebody mailed this often."""


def routes(people: People, link_key: bytes) -> APIRouter:
    router = APIRouter(tags=["people"])
    router.include_router(_open(people, link_key))
    router.include_router(_users(people))
    return router


def _open(people: People, link_key: bytes) -> APIRouter:
    router = APIRouter()

    async def mail(email: str, kind: Literal["known", "reset"], new: SignUp | None = None) -> Mailed:
        """A link of this kind to whoever has the address; to a stranger one to sign up, or after as much work nothing."""
        await people.mails.count(email)
        user = await users.find(people.pool, email)
        account_id = user.account_id if user else clock.uuid7()
        async with tenant(people.pool, account_id) as conn:
            if user is not None:
                to = Addressee(email, user.language, user.user_id)
                await links.make(conn, kind, account_id, await _name(conn), to)
            elif new is not None:
                to, payload = Addressee(email, new.language), new.model_dump(mode="json")
                await links.make(conn, "sign-up", account_id, new.name, to, payload=payload)
            else:
                await links.make_nothing(conn, account_id)
        people.wake()
        return Mailed()

    @router.post("/v1/accounts/sign-ups", status_code=202)
    async def post_sign_up(new: SignUp) -> Mailed:
        """Sign up, free and without obligation (R58). A link is mailed that opens the account within a day."""
        return await mail(new.email, "known", new)

    @router.post("/v1/accounts/resets", status_code=202)
    async def post_reset(forgotten: ForgottenPassword) -> Mailed:
        """Ask for a link to choose a new password, within an hour."""
        return await mail(forgotten.email, "reset")

    @router.post("/v1/accounts/links")
    async def post_link(used: UsedLink) -> Joined:
        """Use the link of a mail, once: with it you choose your password, and then sign in with your address as user
        name."""
        link_id = read_token(link_key, used.token)
        if link_id is None:
            raise LinkOver
        # Before the transaction, and only for a link of ours: hashing is dear.
        hashed = await people.passwords.hashed(used.password)
        async with people.worker.acquire() as conn, conn.transaction():
            done = await links.use(conn, link_id, hashed)
        people.wake()
        return Joined.model_validate(
            {"kind": done.kind, "account_id": done.account_id, "user_name": done.email, "role": done.role}
        )

    return router


def _users(people: People) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/accounts/me/users")
    async def get_users(principal: Admin) -> list[User]:
        """Everybody who may sign in, and who was invited to."""
        async with tenant(people.pool, principal.account_id) as conn:
            return [User.model_validate(row) for row in await users.users(conn)]

    @router.post("/v1/accounts/me/users", status_code=201)
    async def post_user(new: NewUser, principal: Admin) -> User:
        """Invite a colleague: a link is mailed that works for a week. An address that belongs to a user of another account
        cannot accept."""
        await people.mails.count(new.email)
        user_id = clock.uuid7()
        async with tenant(people.pool, principal.account_id) as conn:
            shown = await users.users(conn)
            if any(each["email"] == new.email and each["state"] == "active" for each in shown):
                raise Conflict(USER_ALREADY.en, nl=USER_ALREADY.nl, code="user-already")
            inviter = next((u["email"] for u in shown if u["user_id"] == principal.user_id), None)
            to = Addressee(new.email, new.language, user_id)
            payload = {"role": new.role, "language": new.language}
            expires_at = await links.make(
                conn, "invitation", principal.account_id, await _name(conn), to, payload=payload, by=inviter
            )
        people.wake()
        return User(user_id=user_id, email=new.email, role=new.role, state="invited", expires_at=expires_at)

    @router.put("/v1/accounts/me/users/{user_id}")
    async def put_user(user_id: UUID, new: NewRole, principal: Admin) -> User:
        """Give a user another role; their sessions follow at once, and every service within 30 seconds."""
        async with tenant(people.pool, principal.account_id) as conn:
            found = await users.set_role(conn, principal.account_id, user_id, new.role)
        if found is None:
            raise NotFound
        return User.model_validate(found)

    @router.delete("/v1/accounts/me/users/{user_id}", status_code=204)
    async def delete_user(user_id: UUID, principal: Admin) -> None:
        """Remove a user, or withdraw an invitation."""
        async with tenant(people.pool, principal.account_id) as conn:
            if not await users.remove(conn, principal.account_id, user_id):
                raise NotFound

    @router.put("/v1/accounts/me/password", status_code=204)
    async def put_password(changed: ChangedPassword, principal: Anybody) -> None:
        """Change your own password. All your sessions end."""
        if principal.user_id is None:
            raise Forbidden(NO_USER.en, nl=NO_USER.nl)
        async with tenant(people.pool, principal.account_id) as conn:
            found = await users.stored(conn, principal.user_id)
        if found is None:
            raise NotFound
        await people.guesses.count(found[0])
        if not await people.passwords.matches(changed.password, found[1]):
            raise Forbidden(WRONG_PASSWORD.en, nl=WRONG_PASSWORD.nl, code="wrong-password")
        hashed = await people.passwords.hashed(changed.new_password)
        async with tenant(people.pool, principal.account_id) as conn:
            await users.set_password(conn, principal.user_id, hashed)

    return router


async def _name(conn: Connection) -> str:
    found = await accounts.account(conn)
    return str(found["name"]) if found else ""
