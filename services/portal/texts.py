"""Every word portal itself puts on a page, in both languages, and how times and dates are written. Pure.

What is said about an invoice comes from the API, which has both languages of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from libs import clock
from services.portal.company_texts import COMPANY

Language = Literal["nl", "en"]

_MONTHS: Mapping[Language, tuple[str, ...]] = {
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}

_TEXTS: Mapping[str, tuple[str, str]] = {
    "sign_in": ("Inloggen", "Sign in"),
    "sign_out": ("Uitloggen", "Sign out"),
    "welcome": ("Waar is mijn factuur?", "Where is my invoice?"),
    "welcome_more": (
        "U ziet van elke factuur of zij is aangekomen, en zo niet: waarom.",
        "You see of every invoice whether it has arrived, and if not: why.",
    ),
    "user": ("E-mailadres", "E-mail address"),
    "user_hint": ("Leeg laten als u met een API-sleutel inlogt.", "Leave empty to sign in with an API key."),
    "api_key": ("Wachtwoord of API-sleutel", "Password or API key"),
    "api_key_hint": ("Een sleutel begint met pb_live_", "A key starts with pb_live_"),
    "wrong_key": (
        "Dit is niet geldig, of ingetrokken. Kijk het e-mailadres na, kopieer een sleutel in zijn geheel, en probeer "
        "het opnieuw.",
        "This is not valid, or was revoked. Check the e-mail address, copy the whole of a key, and try again.",
    ),
    "too_often": (
        "Dit is te vaak geprobeerd. Wacht een paar minuten en probeer het opnieuw.",
        "This was tried too often. Wait a few minutes and try again.",
    ),
    "choose_password": ("Kies uw wachtwoord", "Choose your password"),
    "paste_link": ("De link uit de mail", "The link in the mail"),
    "paste_hint": (
        "Kopieer de hele link uit de mail en plak hem hier.",
        "Copy the whole link in the mail and paste it here.",
    ),
    "new_password": ("Wachtwoord", "Password"),
    "password_hint": (
        "Twaalf tekens of meer. Een paar gewone woorden achter elkaar is goed.",
        "Twelve characters or more. A few plain words in a row will do.",
    ),
    "too_short": (
        "Dit wachtwoord is korter dan twaalf tekens, of heeft een teken dat niet kan. Kies een ander.",
        "This password is shorter than twelve characters, or has one that cannot be used. Choose another.",
    ),
    "link_over": (
        "Deze link is al gebruikt of verlopen, of het adres is intussen in gebruik. Vraag een nieuwe link aan, of log in.",
        "This link was used or has expired, or the address is in use by now. Ask for a new link, or sign in.",
    ),
    "save_password": ("Opslaan en inloggen", "Save and sign in"),
    "key_lacks_right": (
        "Met deze sleutel mag u geen facturen inzien. Gebruik een sleutel met het recht invoice:read.",
        "This key may not read invoices. Use a key with the right invoice:read.",
    ),
    "broken_form": (
        "Het formulier kwam niet heel aan. Vul het nog eens in.",
        "The form did not arrive whole. Fill it in once more.",
    ),
    "session_over": (
        "Uw sessie is voorbij, of uw sleutel is ingetrokken. Log opnieuw in.",
        "Your session is over, or your key was revoked. Sign in again.",
    ),
    "empty_key": ("Vul uw wachtwoord of API-sleutel in.", "Fill in your password or API key."),
    "invoices": ("Facturen", "Invoices"),
    "all": ("Alle", "All"),
    "filter": ("Toon alleen", "Show only"),
    "status": ("Status", "Status"),
    "number": ("Nummer", "Number"),
    "receiver": ("Ontvanger", "Receiver"),
    "sender": ("Afzender", "Sender"),
    "received": ("Ontvangen", "Received"),
    "why": ("Toelichting", "Explanation"),
    "issue_date": ("Factuurdatum", "Invoice date"),
    "updated": ("Laatste nieuws", "Last news"),
    "file": ("Bestand", "File"),
    "reference": ("Kenmerk", "Reference"),
    "trace": ("Technisch kenmerk (trace)", "Technical reference (trace)"),
    "no_number": ("zonder nummer", "no number"),
    "none": ("Nog geen facturen", "No invoices yet"),
    "none_more": (
        "Stuur er een naar uw sleuteladres of via de API; na een paar tellen staat zij hier.",
        "Send one to your key address or through the API; a moment later it is here.",
    ),
    "none_of": ("Geen facturen met deze status", "No invoices with this status"),
    "older": ("Oudere facturen", "Older invoices"),
    "newest": ("Naar de nieuwste", "To the newest"),
    "journey": ("De reis van deze factuur", "The journey of this invoice"),
    "not_yet": ("nog niet", "not yet"),
    "not_reported": ("niet gemeld", "not reported"),
    "timeline": ("Wat er gebeurd is", "What happened"),
    "proof": ("Bewijs", "Proof"),
    "line": ("Regel", "Line"),
    "seen": ("gelezen", "found"),
    "expected": ("verwacht", "expected"),
    "fatal": ("fout", "error"),
    "warning": ("waarschuwing", "warning"),
    "skip": ("Naar de inhoud", "To the content"),
    "other_language": ("English", "Nederlands"),
    "not_found": ("Deze factuur is er niet", "There is no such invoice"),
    "not_found_more": (
        "Zij bestaat niet, of hoort niet bij deze sleutel.",
        "It does not exist, or does not belong to this key.",
    ),
    "away": ("Even niet bereikbaar", "Out of reach for a moment"),
    "away_more": (
        "Uw facturen zijn veilig. Probeer het over een minuut opnieuw.",
        "Your invoices are safe. Try again in a minute.",
    ),
    "not_out": ("U bent nog ingelogd", "You are still signed in"),
    "not_out_more": (
        "De hub is even niet bereikbaar en kan uw sessie niet beëindigen. Probeer het zo opnieuw.",
        "The hub is out of reach for a moment and cannot end your session. Try again in a moment.",
    ),
    "refused": ("Dit verzoek kwam niet van deze site", "This request did not come from this site"),
    "refused_more": ("Ga terug en probeer het opnieuw.", "Go back and try again."),
    "opening": ("De pagina wordt geopend …", "Opening the page …"),
    "back": ("Terug naar de facturen", "Back to the invoices"),
    "by_ingest": ("Ontvangst", "Intake"),
    "by_validate": ("Controle", "Check"),
    "by_route": ("Routering", "Routing"),
    "by_deliver": ("Bezorging", "Delivery"),
    # The statuses to filter by; on an invoice the API's own label stands.
    "is_received": ("ontvangen", "received"),
    "is_sent": ("verzonden", "sent"),
    "is_arrived": ("aangekomen", "arrived"),
    "is_parked": ("geparkeerd", "parked"),
    "is_rejected": ("afgekeurd", "rejected"),
    "is_quarantined": ("in quarantaine", "quarantined"),
    "is_returned": ("teruggegeven", "returned"),
    "is_bounced": ("teruggestuurd door de ontvanger", "bounced"),
    "is_undeliverable": ("onbezorgbaar", "undeliverable"),
}

STATUSES = tuple(key.removeprefix("is_") for key in _TEXTS if key.startswith("is_"))


def texts(language: Language) -> dict[str, str]:
    """All texts in one language."""
    place = 0 if language == "nl" else 1
    return {key: both[place] for key, both in {**_TEXTS, **COMPANY}.items()}


def choose(asked: str | None, kept: str | None, accepted: str | None) -> Language:
    """The language of a page: asked for (``?lang=``), else kept (cookie), else the browser's preference
    (``Accept-Language``, RFC 9110 §12.5.4) of the two there are, else Dutch."""
    for wish in (asked, kept):
        if wish in ("nl", "en"):
            return "nl" if wish == "nl" else "en"
    best: tuple[float, Language] = (0.0, "nl")
    for part in (accepted or "").split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().casefold().partition("-")[0]
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in ("nl", "en") and quality > best[0]:
            best = (quality, "nl" if language == "nl" else "en")
    return best[1]


def day(value: date, language: Language) -> str:
    return f"{value.day} {_MONTHS[language][value.month - 1]} {value.year}"


def instant(value: datetime, language: Language) -> str:
    """Local time in the Netherlands and Belgium, to the minute."""
    local = value.astimezone(clock.HERE)
    return f"{day(local, language)} {local:%H:%M}"
