"""What ingest says about files it does not take as they came: the code, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.parts import Words

REASONS: Mapping[str, Words] = {
    "lone-pdf": Words(
        nl="Een PDF alleen is geen e-factuur. Stuur de XML mee, met dezelfde bestandsnaam als de PDF.",
        en="A PDF on its own is not an e-invoice. Send the XML with it, under the same file name as the PDF.",
    ),
    "ambiguous-pdf": Words(
        nl="Meer dan één bestand heeft deze naam. Het is niet te zien bij welke factuur deze PDF hoort. "
        "Geef elke factuur een eigen naam, haar PDF dezelfde, en stuur ze opnieuw.",
        en="More than one file has this name. Nobody can tell to which invoice this PDF belongs. "
        "Give every invoice a name of its own, its PDF the same, and send them again.",
    ),
    "too-many-invoices": Words(
        nl="Dit eExact-bestand bevat meer dan 500 facturen. Exporteer ze in kleinere delen en stuur die apart.",
        en="This eExact file holds more than 500 invoices. Export them in smaller parts and send those apart.",
    ),
    "no-invoice": Words(
        nl="Er zit geen factuur in dit bericht. Voeg de factuur als XML-bestand (UBL) toe.",
        en="There is no invoice in this message. Attach the invoice as an XML (UBL) file.",
    ),
    "unknown-kind": Words(
        nl="Dit bestand is geen XML en geen PDF. Stuur de factuur als XML-bestand (UBL).",
        en="This file is neither XML nor PDF. Send the invoice as an XML (UBL) file.",
    ),
    "winmail": Words(
        nl="Outlook heeft de bijlagen ingepakt in winmail.dat, dat alleen Outlook kan lezen. Zet het bericht in "
        "Outlook op HTML of tekst zonder opmaak (Tekst opmaken) en stuur het opnieuw.",
        en="Outlook packed the attachments into winmail.dat, which only Outlook can read. Set the message to HTML "
        "or plain text in Outlook (Format Text) and send it again.",
    ),
    "sealed": Words(
        nl="Dit bericht is versleuteld of verzegeld, dus de factuur erin is niet te lezen. "
        "Stuur het opnieuw zonder versleuteling; een losse handtekening mag.",
        en="This message is encrypted or sealed, so the invoice in it cannot be read. "
        "Send it again without encryption; a detached signature is fine.",
    ),
    "unreadable-mail": Words(
        nl="Dit bericht kon niet worden gelezen. Stuur de factuur opnieuw als XML-bijlage in een gewone e-mail.",
        en="This message could not be read. Send the invoice again as an XML attachment to a plain e-mail.",
    ),
    "mail-report": Words(
        nl="Dit is een bericht van een mailserver over een andere mail (niet bezorgd, gelezen), geen factuur. Kwam "
        "er een factuur terug die u naar dit adres stuurde? Kijk dan of zij is aangekomen, en stuur haar zo nodig "
        "opnieuw.",
        en="This is a mail server's word about another mail (not delivered, read), not an invoice. Did an invoice "
        "come back that you sent to this address? Then see whether it arrived, and send it again if need be.",
    ),
    "pdf-not-added": Words(
        nl="Deze factuur was er al. De PDF die er nu bij zat wordt bewaard, maar niet meer meegestuurd: "
        "stuur hem zo nodig zelf naar uw klant.",
        en="This invoice was there already. The PDF that came with it now is kept but no longer sent along: "
        "send it to your customer yourself if they need it.",
    ),
}
