"""The mail with a one-time link, and the one that a connection has lapsed. Pure.

Plain text in the language of whoever gets it. A sign-up is mailed without anything the stranger said who asked for it: our
mails are not for words of others. Only names of accounts whose owner read such a mail are quoted, as one short line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage

from libs.contracts.parts import Words
from libs.contracts.party import AccountConnectionLapsed
from libs.lifetimes import LINKS
from services.track.letter import Language, envelope, filled, one_line, said
from services.track.link_mails import Claimed

_SUBJECTS: Mapping[str, Words] = {
    "sign-up": Words(nl="Open uw account bij Postbode", en="Open your account at Postbode"),
    "known": Words(nl="U hebt al een account bij Postbode", en="You have an account at Postbode already"),
    "invitation": Words(nl="Uitnodiging voor Postbode", en="Invitation to Postbode"),
    "key": Words(nl="Uw emailsleutel bij Postbode", en="Your e-mail key at Postbode"),
    "reset": Words(nl="Nieuw wachtwoord voor Postbode", en="New password for Postbode"),
    "lapsed": Words(
        nl="Uw koppeling met Exact Online is vervallen", en="Your link with Exact Online has lapsed"
    ),
}

_TEXTS: Mapping[str, Words] = {
    "sign-up": Words(
        nl="Met dit adres is een account aangevraagd. Kies uw wachtwoord, en het is open:",
        en="An account was asked for with this address. Choose your password, and it is open:",
    ),
    "known": Words(
        nl="Iemand wilde een account openen met dit adres, maar u bent al gebruiker van {name}. Log gewoon in. Weet u uw "
        "wachtwoord niet meer, kies dan hier een nieuw:",
        en="Somebody wanted to open an account with this address, but you are a user of {name} already. Just sign in. If "
        "you do not remember your password, choose a new one here:",
    ),
    "invitation": Words(
        nl="{by} nodigt u uit om mee te werken in het account van {name}. Kies uw wachtwoord om mee te doen:",
        en="{by} invites you to work in the account of {name}. Choose your password to take part:",
    ),
    "reset": Words(
        nl="Voor uw account bij {name} is een nieuw wachtwoord aangevraagd. Kies het hier; overal waar u ingelogd was, "
        "wordt u dan uitgelogd:",
        en="A new password was asked for your account at {name}. Choose it here; wherever you were signed in, you are "
        "signed out then:",
    ),
}

_AFTER: Mapping[str, str] = {
    "nl": "De link werkt één keer, en vervalt na {lasts}. Hebt u hier niet om gevraagd, dan hoeft u niets te doen.\n\n"
    "Met vriendelijke groet,\nPostbode\n\nDit bericht is automatisch verstuurd; antwoorden worden niet gelezen.\n",
    "en": "The link works once, and expires after {lasts}. If you did not ask for this, you need not do anything.\n\n"
    "Kind regards,\nPostbode\n\nThis message was sent by a program; nobody reads answers to it.\n",
}

_KEY = Words(
    nl="Dit is de emailsleutel (uw upload emailadres) van {name}, waar met dit adres om is gevraagd:\n\n{addresses}\n\n"
    "Wie deze sleutel heeft, kan namens u facturen insturen: houd hem voor uzelf. Kopieer het hele adres, ook wat achter "
    "het apenstaartje staat, en zet het bij elke factuurdebiteur in Exact Globe op een extra contactpersoon met de relatie "
    "Factuur. Met meer dan één adres werkt elk.\n\nHebt u hier niet om gevraagd, dan hoeft u niets te doen: alleen dit "
    "adres kreeg hem. U kunt de sleutel vervangen na inloggen op {base_url}.\n\nMet vriendelijke groet,\nPostbode\n\n"
    "Dit bericht is automatisch verstuurd; antwoorden worden niet gelezen.\n",
    en="This is the e-mail key (your upload e-mail address) of {name}, which was asked for with this address:\n\n"
    "{addresses}\n\nWhoever has this key can send invoices in your name: keep it to yourself. Copy the whole address, with "
    "what stands behind the @, and put it at each invoice debtor in Exact Globe on an extra contact with the relation "
    "Invoice. Of several addresses each works.\n\nIf you did not ask for this, you need not do anything: only this address "
    "got it. You can change the key for another after signing in at {base_url}.\n\nKind regards,\nPostbode\n\n"
    "This message was sent by a program; nobody reads answers to it.\n",
)
_LAPSED = Words(
    nl="De koppeling van {name} met Exact Online{books} is vervallen. Zij was opgezet met de gebruiker {user}.\n\n{reason}"
    "\n\nEr gaat niets verloren: facturen die binnenkomen, en uw eigen facturen die u laat boeken, wachten tot de "
    "koppeling weer staat.\n\nMet vriendelijke groet,\nPostbode, {base_url}\n\n"
    "Dit bericht is automatisch verstuurd; antwoorden worden niet gelezen.\n",
    en="The link of {name} with Exact Online{books} has lapsed. It was set up with the user {user}.\n\n{reason}"
    "\n\nNothing is lost: invoices that come in, and your own that you have booked, wait until the link is there "
    "again.\n\nKind regards,\nPostbode, {base_url}\n\n"
    "This message was sent by a program; nobody reads answers to it.\n",
)
_SOMEBODY = Words(nl="Een beheerder", en="An administrator")
_LONGEST_NAME = 80
_UNITS: Sequence[tuple[int, Mapping[str, tuple[str, str]]]] = (
    (24 * 60, {"nl": ("dag", "dagen"), "en": ("day", "days")}),
    (60, {"nl": ("uur", "uur"), "en": ("hour", "hours")}),
    (1, {"nl": ("minuut", "minuten"), "en": ("minute", "minutes")}),
)


def write(claimed: Claimed, token: str, base_url: str, mail_from: str) -> EmailMessage:
    """Every writing of one mail has the same Message-ID. The token stands behind ``#``: browsers send that to nobody,
    so it is in no access log and no Referer. Raises ``ValueError`` for an address that is none."""
    language = claimed.language
    text = said(_TEXTS[claimed.kind], language).format(
        name=f"„{one_line(claimed.account_name, _LONGEST_NAME)}”",
        by=one_line(claimed.by_email or said(_SOMEBODY, language)),
    )
    after = _AFTER[language].format(lasts=_lasting(LINKS[claimed.kind], language))
    return _mail(claimed, f"{text}\n\n{base_url}/link#{token}\n\n{after}", mail_from)


def write_key(claimed: Claimed, addresses: str, base_url: str, mail_from: str) -> EmailMessage:
    """The mail with somebody's key (R17); ``addresses`` are one a line. Raises as ``write``."""
    listed = "\n".join(f"    {one_line(each)}" for each in addresses.splitlines())
    name = f"„{one_line(claimed.account_name, _LONGEST_NAME)}”"
    text = said(_KEY, claimed.language).format(name=name, addresses=listed, base_url=base_url)
    return _mail(claimed, text, mail_from)


def write_lapsed(claimed: Claimed, base_url: str, mail_from: str) -> EmailMessage:
    """To the account whose connection lapsed: why, and what to do. Raises as ``write``."""
    lapsed = AccountConnectionLapsed.model_validate(claimed.said)
    books = one_line(", ".join(lapsed.books))
    text = said(_LAPSED, claimed.language).format(
        name=f"„{one_line(claimed.account_name, _LONGEST_NAME)}”",
        books=f" ({books})" if books else "",
        user=f"„{one_line(lapsed.user, _LONGEST_NAME)}”",
        reason=one_line(said(lapsed.reason, claimed.language), 2000),
        base_url=base_url,
    )
    return _mail(claimed, text, mail_from)


def _mail(claimed: Claimed, text: str, mail_from: str) -> EmailMessage:
    subject = said(_SUBJECTS[claimed.kind], claimed.language)
    message = envelope(f"link.{claimed.link_id}", claimed.email, subject, mail_from)
    return filled(message, text, claimed.language)


def _lasting(lasts: timedelta, language: Language) -> str:
    """How long a link lives, in the largest whole unit."""
    minutes = round(lasts.total_seconds() / 60)
    for size, units in _UNITS:
        if minutes % size == 0 and minutes >= size:
            one, many = units[language]
            return f"{minutes // size} {one if minutes == size else many}"
    raise ValueError(f"a link that lives for {lasts}")
