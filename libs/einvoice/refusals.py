"""What the gate and the detection say when they refuse: a stable code, the line, and words that say what to do next."""

from __future__ import annotations

from libs.errors import TooLarge, Unprocessable

# code → (Dutch, English); {line}, {seen} and {limit} are filled in.
_WORDS: dict[str, tuple[str, str]] = {
    "empty": (
        "Het bestand is leeg. Maak de factuur opnieuw aan in uw pakket en stuur het XML-bestand nog een keer.",
        "The file is empty. Make the invoice again in your software and send the XML file once more.",
    ),
    "gzip": (
        "Dit is een gecomprimeerd bestand (gzip), geen factuur. Pak het uit en stuur het XML-bestand zelf.",
        "This is a compressed file (gzip), not an invoice. Unpack it and send the XML file itself.",
    ),
    "zip": (
        "Dit is een zip-bestand (of een Office-document), geen factuur. Pak het uit en stuur het XML-bestand zelf.",
        "This is a zip file (or an Office document), not an invoice. Unpack it and send the XML file itself.",
    ),
    "pdf": (
        "Dit is een PDF. Een PDF alleen is geen e-factuur: stuur het XML-bestand (UBL); "
        "de PDF mag mee onder dezelfde bestandsnaam.",
        "This is a PDF. A PDF alone is not an e-invoice: send the XML file (UBL); "
        "the PDF may come along under the same file name.",
    ),
    "pdf-broken": (
        "Dit PDF-bestand is beschadigd: het begint als een PDF en is er geen die te openen is. Maak de factuur opnieuw "
        "aan en stuur het XML-bestand erbij of alleen.",
        "This PDF file is damaged: it begins as a PDF and cannot be opened as one. Make the invoice again and send the "
        "XML file with it or alone.",
    ),
    "pdf-locked": (
        "Dit PDF-bestand is met een wachtwoord beveiligd. Stuur de factuur zonder wachtwoord, of het XML-bestand zelf.",
        "This PDF file is locked with a password. Send the invoice without one, or the XML file itself.",
    ),
    "pdf-many": (
        "In deze PDF zitten meerdere verschillende facturen als XML, dus het is niet te zien welke telt. Maak de PDF "
        "opnieuw met één factuur erin, of stuur elke factuur als XML-bestand.",
        "Several different invoices are inside this PDF as XML, so nobody can tell which one counts. Make the PDF "
        "again with one invoice inside, or send each invoice as an XML file.",
    ),
    "pdf-too-large": (
        "De factuur in deze PDF is uitgepakt meer dan {limit} bytes. Stuur het XML-bestand zonder grote bijlagen.",
        "The invoice inside this PDF is more than {limit} bytes unpacked. Send the XML file without large attachments.",
    ),
    "ole": (
        "Dit is een oud Office-document (Word, Excel of Outlook), geen factuur. "
        "Stuur het XML-bestand dat uw boekhoudpakket maakt.",
        "This is an old Office document (Word, Excel or Outlook), not an invoice. "
        "Send the XML file that your accounting software makes.",
    ),
    "encoding": (
        "Regel {line}: de tekencodering klopt niet (gezien: {seen}). De hub leest UTF-8: sla het bestand op als "
        'UTF-8 en laat de eerste regel encoding="UTF-8" zeggen.',
        "Line {line}: the character encoding is wrong (seen: {seen}). The hub reads UTF-8: save the file as UTF-8 "
        'and let its first line say encoding="UTF-8".',
    ),
    "not-xml": (
        "Regel {line}: dit is geen goed gevormde XML ({seen}). Stuur het bestand zoals uw pakket het maakt, "
        "zonder het met de hand te wijzigen.",
        "Line {line}: this is not well-formed XML ({seen}). Send the file as your software makes it, "
        "without editing it by hand.",
    ),
    "doctype": (
        "Regel {line}: het bestand bevat een DOCTYPE. Dat is uit veiligheid niet toegestaan en geen enkele "
        "e-factuur heeft het nodig: haal die regel weg (of stuurt u een webpagina?).",
        "Line {line}: the file holds a DOCTYPE. For safety that is not allowed and no e-invoice needs it: "
        "take that line out (or are you sending a web page?).",
    ),
    "xinclude": (
        "Regel {line}: het bestand wil een ander bestand insluiten (XInclude). Dat is uit veiligheid niet "
        "toegestaan: stuur één volledig XML-bestand.",
        "Line {line}: the file wants to include another file (XInclude). For safety that is not allowed: "
        "send one complete XML file.",
    ),
    "too-deep": (
        "Regel {line}: de elementen zijn dieper genest dan {limit} niveaus. Een factuur is dat nooit: "
        "controleer hoe het bestand gemaakt is.",
        "Line {line}: the elements are nested deeper than {limit} levels. An invoice never is: "
        "check how the file was made.",
    ),
    "too-many-elements": (
        "Regel {line}: het bestand heeft meer dan {limit} elementen. Splits de factuur in kleinere facturen.",
        "Line {line}: the file has more than {limit} elements. Split the invoice into smaller ones.",
    ),
    "too-many-attributes": (
        "Regel {line}: een element heeft meer dan {limit} attributen. Een factuur heeft dat nooit: "
        "controleer hoe het bestand gemaakt is.",
        "Line {line}: an element has more than {limit} attributes. An invoice never has: check how the file was made.",
    ),
    "too-many-names": (
        "Regel {line}: het bestand gebruikt meer dan {limit} verschillende namen van elementen of plaatsen ervan. "
        "Een factuur doet dat nooit: controleer hoe het bestand gemaakt is.",
        "Line {line}: the file uses more than {limit} different names of elements or places of them. "
        "An invoice never does: check how the file was made.",
    ),
    "too-many-vat-groups": (
        "Regel {line}: de factuur heeft meer dan {limit} groepen in haar btw-overzicht. Eén per btw-categorie en tarief is "
        "genoeg: tel ze in uw pakket bij elkaar en stuur de factuur opnieuw.",
        "Line {line}: the invoice has more than {limit} groups in its VAT breakdown. One for each VAT category and rate is "
        "enough: have your software add them up and send the invoice again.",
    ),
    "too-many-namespaces": (
        "Regel {line}: een element declareert meer dan {limit} namespaces. Een factuur doet dat nooit: "
        "controleer hoe het bestand gemaakt is.",
        "Line {line}: an element declares more than {limit} namespaces. An invoice never does: "
        "check how the file was made.",
    ),
    "namespace-too-long": (
        "Regel {line}: de naam van een namespace is langer dan {limit} tekens. Geen e-factuur heeft zo'n naam: "
        "controleer hoe het bestand gemaakt is.",
        "Line {line}: the name of a namespace is longer than {limit} characters. No e-invoice has such a name: "
        "check how the file was made.",
    ),
    "too-many-asides": (
        "Het bestand heeft meer dan {limit} commentaren, instructies of CDATA-blokken. "
        "Haal die weg en stuur de factuur opnieuw.",
        "The file has more than {limit} comments, instructions or CDATA sections. "
        "Take them out and send the invoice again.",
    ),
    "text-too-long": (
        "Regel {line}: een stuk tekst is langer dan {limit} bytes. Stuur grote bijlagen niet in de XML mee.",
        "Line {line}: a piece of text is longer than {limit} bytes. Do not send large attachments inside the XML.",
    ),
    "ubl-only": (
        "Regel {line}: dit bestand is {seen}. De regels die u noemt lezen alleen UBL: controleer het zonder regels te "
        "noemen, dan leest de hub het als UBL, of zet het eerst om naar UBL.",
        "Line {line}: this file is {seen}. The rules you name read UBL only: check it without naming rules, then the hub "
        "reads it as UBL, or convert it to UBL first.",
    ),
    "not-an-invoice": (
        "Regel {line}: het hoofdelement is {seen}; de hub leest UBL (Invoice, CreditNote), UN/CEFACT CII, eExact en "
        "Finvoice. Kies in uw pakket UBL of Simplerinvoicing als formaat, of vraag ons dit formaat toe te voegen.",
        "Line {line}: the root element is {seen}; the hub reads UBL (Invoice, CreditNote), UN/CEFACT CII, eExact and "
        "Finvoice. Choose UBL or Simplerinvoicing as the format in your software, or ask us to add this format.",
    ),
    "exact-online-xml": (
        "Regel {line}: dit is XML waarmee Exact Online gegevens van een administratie uitwisselt ({seen}). Klanten, "
        "artikelen en btw staan er alleen met uw eigen codes in, dus er is geen ontvanger uit af te lezen. Zet bij de "
        "klant in Exact Online het factuurformaat op Simplerinvoicing (UBL) met PDF en verstuur de factuur opnieuw.",
        "Line {line}: this is XML by which Exact Online exchanges data of an administration ({seen}). It names customers, "
        "items and VAT by your own codes alone, so it does not say who the receiver is. Set the invoice format of the "
        "customer in Exact Online to Simplerinvoicing (UBL) with PDF and send the invoice again.",
    ),
}
_TOO_LARGE = (
    "Het bestand is te groot. De hub neemt hoogstens {limit} bytes aan. Laat grote bijlagen weg of stuur ze als PDF mee.",
    "The file is too large. The hub takes {limit} bytes at most. Leave large attachments out or send them along as a PDF.",
)

CODES = frozenset(_WORDS)

# What parsers say in English only; whatever is not here they say of files nobody makes by accident.
_DUTCH = {
    "no element found": "er staat geen enkel element in, of het laatste is niet af",
    "mismatched tag": "een eindtag hoort niet bij de begintag ervoor",
    "syntax error": "hier hoort een element te beginnen",
    "not well-formed (invalid token)": "hier staat een teken dat er niet mag staan",
    "unclosed token": "een tag is niet afgesloten",
    "junk after document element": "na het hoofdelement staat nog iets",
    "duplicate attribute": "een attribuut staat er twee keer",
    "undefined entity": "een onbekende verwijzing (&…;)",
    "unbound prefix": "een voorvoegsel waarvan de namespace nergens staat",
    "unclosed CDATA section": "een CDATA-blok is niet afgesloten",
    "reference to invalid character number": "een verwijzing naar een teken dat niet bestaat",
    "XML or text declaration not at start of entity": "de XML-declaratie staat niet helemaal vooraan",
    "XML declaration not well-formed": "de XML-declaratie klopt niet",
}


def refuse(code: str, line: int, *, seen: str = "", limit: int = 0) -> Unprocessable:
    """The error of ``code``: ``extra`` holds ``line`` and ``words`` by language."""
    nl, en = _WORDS[code]
    en = en.format(line=line, seen=seen, limit=limit)
    nl = nl.format(line=line, seen=_DUTCH.get(seen, seen), limit=limit)
    return Unprocessable(en, code=code, line=line, words={"nl": nl, "en": en})


def too_large(limit: int) -> TooLarge:
    """The error of a document over the cap, in bytes. How large it is nobody knows: it was not read to its end."""
    nl, en = (text.format(limit=limit) for text in _TOO_LARGE)
    return TooLarge(en, line=1, limit=limit, words={"nl": nl, "en": en})


def examples() -> list[Unprocessable]:
    """One of each code, for whoever documents them."""
    return [refuse(code, 1, seen="0x00", limit=64) for code in _WORDS]
