"""The mail with a one-time link. Pure.

Plain text in the language of whoever gets it. A sign-up is mailed without anything the stranger said who asked for it: our
mails are not for words of others. Only names of accounts whose owner read such a mail are quoted, as one short line.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from libs import clock
from libs.contracts.parts import Words
from services.track.letter import one_line
from services.track.link_mails import Claimed

_SUBJECTS: Mapping[str, Words] = {
    "sign-up": Words(nl="Open uw account bij Postbode", en="Open your account at Postbode"),
    "known": Words(nl="U hebt al een account bij Postbode", en="You have an account at Postbode already"),
    "invitation": Words(nl="Uitnodiging voor Postbode", en="Invitation to Postbode"),
    "key": Words(nl="Uw emailsleutel bij Postbode", en="Your e-mail key at Postbode"),
    "reset": Words(nl="Nieuw wachtwoord voor Postbode", en="New password for Postbode"),
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
    "nl": "De link werkt één keer, en niet lang. Hebt u hier niet om gevraagd, dan hoeft u niets te doen.\n\n"
    "Met vriendelijke groet,\nPostbode\n\nDit bericht is automatisch verstuurd; antwoorden worden niet gelezen.\n",
    "en": "The link works once, and not for long. If you did not ask for this, you need not do anything.\n\n"
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
_SOMEBODY = Words(nl="Een beheerder", en="An administrator")
_LONGEST_NAME = 80


def write(claimed: Claimed, token: str, base_url: str, mail_from: str) -> EmailMessage:
    """Every writing of one mail has the same Message-ID. Raises ``ValueError`` for an address that is none."""
    language = claimed.language
    said = getattr(_TEXTS[claimed.kind], language).format(
        name=f"„{one_line(claimed.account_name, _LONGEST_NAME)}”",
        by=one_line(claimed.by_email or getattr(_SOMEBODY, language)),
    )
    return _mail(claimed, f"{said}\n\n{base_url}/link?token={token}\n\n{_AFTER[language]}", mail_from)


def write_key(claimed: Claimed, addresses: str, base_url: str, mail_from: str) -> EmailMessage:
    """The mail with somebody's key (R17); ``addresses`` are one a line. Raises as ``write``."""
    listed = "\n".join(f"    {one_line(each)}" for each in addresses.splitlines())
    name = f"„{one_line(claimed.account_name, _LONGEST_NAME)}”"
    text = getattr(_KEY, claimed.language).format(name=name, addresses=listed, base_url=base_url)
    return _mail(claimed, text, mail_from)


def _mail(claimed: Claimed, text: str, mail_from: str) -> EmailMessage:
    language = claimed.language
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Postbode <{mail_from}>"
    message["To"] = claimed.email
    message["Subject"] = getattr(_SUBJECTS[claimed.kind], language)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<link.{claimed.link_id}@{mail_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    message["Content-Language"] = language
    return message
