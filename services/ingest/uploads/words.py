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
    "lone-fields": Words(
        nl="Een bestand met extra velden hoort bij een factuur: stuur de XML mee, met dezelfde naam (F1.xml bij "
        "F1.fields.json).",
        en="A file of extra fields belongs to an invoice: send the XML with it, under the same name (F1.xml with "
        "F1.fields.json).",
    ),
    "ambiguous-fields": Words(
        nl="Meer dan één bestand heeft deze naam. Het is niet te zien bij welke factuur deze extra velden horen. "
        "Geef elke factuur een eigen naam, haar velden dezelfde, en stuur ze opnieuw.",
        en="More than one file has this name. Nobody can tell to which invoice these extra fields belong. "
        "Give every invoice a name of its own, its fields the same, and send them again.",
    ),
    "fields-unreadable": Words(
        nl="Dit bestand moet één JSON-object zijn met extra velden en hun tekst, elk veld één keer, hoogstens 64 kB: "
        '{"Notes": "Project 12"}.',
        en="This file has to be one JSON object of extra fields and their text, each field once, 64 kB at most: "
        '{"Notes": "Project 12"}.',
    ),
    "fields-not-added": Words(
        nl="Deze factuur was er al, met andere extra velden of zonder. Wat er nu bij zat (extra velden, of een andere PDF) "
        "telt niet meer mee.",
        en="This invoice was there already, with other extra fields or none. What came beside it now (extra fields, or "
        "another PDF) does not count any more.",
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
    "zip-broken": Words(
        nl="Dit is geen hele ZIP. Maak het ZIP-bestand opnieuw en stuur het als inhoud van het verzoek "
        "(curl --data-binary @facturen.zip).",
        en="This is not a whole ZIP. Make the ZIP file again and send it as the body of the request "
        "(curl --data-binary @invoices.zip).",
    ),
    "zip-damaged": Words(
        nl="Dit bestand is in de ZIP beschadigd. Maak de ZIP opnieuw en stuur dit bestand nog een keer.",
        en="This file is damaged inside the ZIP. Make the ZIP again and send this file once more.",
    ),
    "zip-too-much": Words(
        nl="Er zit te veel in deze ZIP: hoogstens 5000 facturen, elk met of zonder PDF. Verdeel ze over meer "
        "ZIP-bestanden.",
        en="There is too much in this ZIP: 5,000 invoices at most, each with or without a PDF. Spread them over more "
        "ZIP files.",
    ),
    "zip-too-much-mailed": Words(
        nl="Er zit te veel in deze ZIP: hoogstens 1000 bestanden. Verdeel de facturen over meer ZIP-bestanden, of stuur "
        "ze als batch via de API.",
        en="There is too much in this ZIP: 1,000 files at most. Spread the invoices over more ZIP files, or send them as "
        "a batch by API.",
    ),
    "zip-bomb": Words(
        nl="Uitgepakt is deze ZIP, of een bestand erin, groter dan de hub aanneemt. Verdeel de facturen over meer "
        "ZIP-bestanden.",
        en="Unpacked, this ZIP or a file in it is larger than the hub takes. Spread the invoices over more ZIP files.",
    ),
    "zip-name": Words(
        nl="In deze ZIP staat een naam die buiten de map wijst, of een verwijzing in plaats van een bestand. Pak de "
        "facturen zelf in, zonder paden.",
        en="A name in this ZIP leads outside its folder, or is a link and no file. Pack the invoices themselves, without "
        "paths.",
    ),
    "zip-locked": Words(
        nl="Deze ZIP is met een wachtwoord beveiligd, of met een ongewone methode gemaakt. Maak een gewone ZIP zonder "
        "wachtwoord.",
        en="This ZIP is locked with a password, or made by an unusual method. Make a plain ZIP without a password.",
    ),
}
