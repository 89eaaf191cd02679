"""The words of *Mijn Bedrijf*, in both languages; the Dutch ones are those suppliers' manuals name (R14, R15). Pure."""

from __future__ import annotations

from collections.abc import Mapping

COMPANY: Mapping[str, tuple[str, str]] = {
    "company": ("Mijn Bedrijf", "My company"),
    "company_door": (
        "Sleutels, adressen en mensen beheert u met uw wachtwoord. Na een kwartier wordt het opnieuw gevraagd.",
        "Keys, addresses and people are managed with your password. It is asked again after a quarter of an hour.",
    ),
    "company_open": ("Openen", "Open"),
    "company_over": (
        "Het kwartier is om. Vul uw wachtwoord opnieuw in.",
        "The quarter of an hour is over. Fill in your password again.",
    ),
    "wrong_password": (
        "Dit is niet geldig. Kijk e-mailadres en wachtwoord na; een API-sleutel opent deze pagina niet.",
        "This is not valid. Check e-mail address and password; an API key does not open this page.",
    ),
    "no_owner": (
        "Alleen een eigenaar van het account mag hier bij. Vraag een collega die dat is.",
        "Only an owner of the account may see this. Ask a colleague who is.",
    ),
    "to_company": ("Terug naar Mijn Bedrijf", "Back to My company"),
    "broken_form_more": ("Ga terug en probeer het opnieuw.", "Go back and try again."),
    "api_settings": ("API Instellingen", "API settings"),
    "keys_more": (
        "Met een sleutel geeft uw programma facturen af. Er werken er twee tegelijk: één in gebruik, één om naar over te "
        "gaan.",
        "With a key your program hands over invoices. Two can work at a time: one in use, one to change to.",
    ),
    "your_key": ("Uw API key", "Your API key"),
    "shown_once": (
        "Kopieer hem nu in zijn geheel: hij wordt maar één keer getoond.",
        "Copy the whole of it now: it is shown only once.",
    ),
    "no_keys": ("Nog geen sleutel.", "No key yet."),
    "make_key": ("Maak een API key aan", "Create an API key"),
    "label": ("Naam", "Name"),
    "may_invoice:write": ("facturen afgeven", "hand over invoices"),
    "may_invoice:read": ("facturen inzien", "see invoices"),
    "for_sandbox": ("om te proberen (sandbox)", "to try things (sandbox)"),
    "sandbox": ("sandbox", "sandbox"),
    "last_used": ("laatst gebruikt:", "last used:"),
    "never": ("nooit", "never"),
    "ends_on": ("eindigt", "ends"),
    "rotate_key": ("Vervangen", "Replace"),
    "rotate_mailbox": ("Vervangen", "Replace"),
    "goes_on": ("De oude werkt nog", "The old one still works for"),
    "hours_24": ("een dag", "a day"),
    "hours_168": ("een week", "a week"),
    "hours_720": ("dertig dagen", "thirty days"),
    "hours_8760": ("een jaar", "a year"),
    "revoke": ("Intrekken", "Revoke"),
    "revoke_key_sure": (
        "Binnen een halve minuut werkt hij nergens meer. Dit kan niet terug.",
        "Within half a minute it works nowhere any more. This cannot be undone.",
    ),
    "revoke_mailbox_sure": (
        "Mail aan dit adres wordt vanaf nu geweigerd. Dit kan niet terug.",
        "Mail to this address is refused from now on. This cannot be undone.",
    ),
    "upload_address": ("Uw upload emailadres", "Your upload e-mail address"),
    "mailboxes_more": (
        "Zet dit adres bij uw klanten als extra contactpersoon voor facturen. Eén adres is genoeg voor alle klanten; "
        "staan er meer onder elkaar, dan werken ze allemaal.",
        "Put this address as an extra invoice contact at your customers. One is enough for all of them; where "
        "there are several below each other, all of them work.",
    ),
    "no_mailboxes": ("Nog geen adres.", "No address yet."),
    "make_mailbox": ("Maak een upload emailadres aan", "Create an upload e-mail address"),
    "people": ("Mensen", "People"),
    "role": ("Rol", "Role"),
    "role_owner": ("eigenaar", "owner"),
    "role_bookkeeper": ("boekhouder", "bookkeeper"),
    "role_reader": ("lezer", "reader"),
    "roles_more": (
        "Een lezer ziet alles, een boekhouder geeft ook facturen af, een eigenaar beheert ook sleutels en mensen.",
        "A reader sees everything, a bookkeeper also hands over invoices, an owner also manages keys and people.",
    ),
    "invited": ("uitgenodigd", "invited"),
    "invite": ("Uitnodigen", "Invite"),
    "change": ("Wijzigen", "Change"),
    "remove": ("Verwijderen", "Remove"),
    "remove_sure": ("Deze persoon kan dan niet meer inloggen.", "This person can then no longer sign in."),
}
