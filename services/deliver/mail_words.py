"""What the mail around an invoice says, in the languages receivers choose from. Pure.

One layout holds for all (``templates/invoice.html`` and ``.txt``); a language is one ``Texts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Language = Literal["nl", "en", "fr"]


@dataclass(frozen=True, slots=True)
class Texts:
    """In braces what is filled in: ``number``, ``seller``, ``receiver``."""

    subject: str
    title: str
    greeting: str
    opening: str
    seller: str
    receiver: str
    date: str
    amount: str
    attached: str
    xml: str
    pdf: str
    inside: str
    free: str
    months: tuple[str, ...]
    first: str
    """The first day of a month, where it is not ``1``."""
    marks: str
    """Between thousands, and before cents."""
    amounts: str
    """An amount of money: ``{symbol}`` and ``{amount}``."""


TEXTS: Mapping[Language, Texts] = {
    "nl": Texts(
        subject="Factuur {number} van {seller}",
        title="Factuur {number}",
        greeting="Geachte heer, mevrouw,",
        opening="Bijgaand ontvangt u factuur {number} van {seller} voor {receiver}.",
        seller="Van",
        receiver="Voor",
        date="Factuurdatum",
        amount="Te betalen",
        attached="In de bijlage",
        xml="De e-factuur zelf: lees haar in uw boekhoudpakket in, dan hoeft u niets over te typen.",
        pdf="De factuur om te lezen.",
        inside="De factuur om te lezen. De e-factuur (XML) zit erin.",
        free="Wilt u facturen voortaan direct in uw pakket? Dat kan kosteloos: antwoord op deze e-mail.",
        months=(
            "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
            "november", "december",
        ),
        first="1",
        marks=".,",
        amounts="{symbol} {amount}",
    ),
    "en": Texts(
        subject="Invoice {number} from {seller}",
        title="Invoice {number}",
        greeting="Dear Sir or Madam,",
        opening="Attached is invoice {number} from {seller} for {receiver}.",
        seller="From",
        receiver="For",
        date="Invoice date",
        amount="Amount due",
        attached="Attached",
        xml="The e-invoice itself: import it into your bookkeeping package and nothing needs retyping.",
        pdf="The invoice for reading.",
        inside="The invoice for reading. The e-invoice (XML) lies inside it.",
        free="Would you rather have invoices straight in your package? It is free: reply to this e-mail.",
        months=(
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ),
        first="1",
        marks=",.",
        amounts="{symbol}{amount}",
    ),
    "fr": Texts(
        subject="Facture {number} de {seller}",
        title="Facture {number}",
        greeting="Madame, Monsieur,",
        opening="Veuillez trouver ci-joint la facture {number} de {seller} pour {receiver}.",
        seller="De",
        receiver="Pour",
        date="Date de facture",
        amount="Montant à payer",
        attached="En pièce jointe",
        xml="La facture électronique elle-même : importez-la dans votre logiciel comptable, il n’y a rien à ressaisir.",
        pdf="La facture à lire.",
        inside="La facture à lire. La facture électronique (XML) s’y trouve.",
        free="Vous préférez recevoir vos factures directement dans votre logiciel ? C’est gratuit : répondez à cet e-mail.",
        months=(
            "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
            "novembre", "décembre",
        ),
        first="1er",
        marks="\u202f,",
        amounts="{amount} {symbol}",
    ),
}  # fmt: skip


def day(of: date, language: Language) -> str:
    """``2 november 2026``, ``2 November 2026``, ``1er novembre 2026``."""
    texts = TEXTS[language]
    return f"{texts.first if of.day == 1 else of.day} {texts.months[of.month - 1]} {of.year}"


def money(amount: Decimal, currency: str, language: Language) -> str:
    """``€ 1.234,50`` in Dutch, ``€1,234.50`` in English, ``1 234,50 €`` in French; other currencies by their code, set
    apart from the amount."""
    texts = TEXTS[language]
    text = f"{amount:,.2f}".translate(str.maketrans(",.", texts.marks))
    if currency == "EUR":
        return texts.amounts.format(symbol="€", amount=text)
    return (f"{text} {currency}" if language == "fr" else f"{currency} {text}").strip()
