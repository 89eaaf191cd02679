"""What the page of an invoice says, in the languages a receiver may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["nl", "en", "fr"]

_WORDS: Mapping[str, tuple[str, str, str]] = {
    "invoice": ("Factuur", "Invoice", "Facture"),
    "credit_note": ("Creditnota", "Credit note", "Note de crédit"),
    "corrective": ("Correctiefactuur", "Corrective invoice", "Facture rectificative"),
    "number": ("Factuurnummer", "Invoice number", "Numéro de facture"),
    "date": ("Factuurdatum", "Invoice date", "Date de facture"),
    "due": ("Vervaldatum", "Due date", "Échéance"),
    "reference": ("Uw referentie", "Your reference", "Votre référence"),
    "order": ("Uw order", "Your order", "Votre commande"),
    "our_order": ("Onze order", "Our order", "Notre commande"),
    "contract": ("Contract", "Contract", "Contrat"),
    "project": ("Project", "Project", "Projet"),
    "period": ("Periode", "Period", "Période"),
    "about": ("Betreft factuur", "Refers to invoice", "Concerne la facture"),
    "delivered": ("Leverdatum", "Delivery date", "Date de livraison"),
    "to": ("Aan", "To", "À"),
    "delivery": ("Afleveradres", "Delivery address", "Adresse de livraison"),
    "page": ("Blad", "Page", "Page"),
    "line": ("Nr.", "No.", "N°"),
    "description": ("Omschrijving", "Description", "Description"),
    "quantity": ("Aantal", "Quantity", "Quantité"),
    "price": ("Prijs", "Price", "Prix"),
    "vat": ("Btw", "VAT", "TVA"),
    "net": ("Bedrag", "Amount", "Montant"),
    "allowance": ("Korting", "Allowance", "Remise"),
    "charge": ("Toeslag", "Charge", "Frais"),
    "vat_table": ("Btw-specificatie", "VAT breakdown", "Détail de la TVA"),
    "rate": ("Tarief", "Rate", "Taux"),
    "base": ("Grondslag", "Taxable amount", "Base"),
    "tax": ("Btw-bedrag", "VAT amount", "Montant TVA"),
    "sum": ("Subtotaal", "Subtotal", "Sous-total"),
    "without_vat": ("Totaal exclusief btw", "Total without VAT", "Total hors TVA"),
    "total_vat": ("Btw", "VAT", "TVA"),
    "with_vat": ("Totaal inclusief btw", "Total with VAT", "Total TVA comprise"),
    "paid": ("Al betaald", "Already paid", "Déjà payé"),
    "rounding": ("Afronding", "Rounding", "Arrondi"),
    "to_pay": ("Te betalen", "Amount due", "À payer"),
    "to_receive": ("Te ontvangen", "Amount to receive", "À recevoir"),
    "payment": ("Betaling", "Payment", "Paiement"),
    "account": ("Rekening (IBAN)", "Account (IBAN)", "Compte (IBAN)"),
    "name": ("Op naam van", "In the name of", "Au nom de"),
    "bic": ("BIC", "BIC", "BIC"),
    "amount": ("Bedrag", "Amount", "Montant"),
    "remittance": ("Onder vermelding van", "Payment reference", "Communication"),
    "debit": ("Automatische incasso van", "Direct debit from", "Domiciliation du compte"),
    "mandate": ("Machtiging", "Mandate", "Mandat"),
    "card": ("Kaart", "Card", "Carte"),
    "qr": ("Scan om te betalen", "Scan to pay", "Scannez pour payer"),
    "kvk": ("KvK", "KvK", "KvK"),
    "oin": ("OIN", "OIN", "OIN"),
    "gln": ("GLN", "GLN", "GLN"),
    "enterprise": ("Ondernemingsnummer", "Enterprise no.", "N° d'entreprise"),
    "registration": ("Registratienummer", "Reg. no.", "N° d'enregistrement"),
    "reverse_charge": ("Btw verlegd", "Reverse charge", "Autoliquidation"),
    "vat_number": ("Btw-nummer", "VAT number", "N° TVA"),
    "attention": ("T.a.v.", "Attn.", "À l'att. de"),
    "represented": ("Fiscaal vertegenwoordiger", "Tax representative", "Représentant fiscal"),
    "attachment": (
        "De factuur als e-factuur (NLCIUS)",
        "The invoice as an e-invoice (NLCIUS)",
        "La facture électronique (NLCIUS)",
    ),
    "cut": (
        "Deze bladen tonen {shown} van de {count} regels; alle regels staan in de e-factuur (XML) in deze PDF.",
        "These pages show {shown} of {count} lines; all lines are in the e-invoice (XML) inside this PDF.",
        "Ces pages montrent {shown} des {count} lignes ; toutes figurent dans la facture électronique (XML) jointe.",
    ),
    "footer": (
        "De e-factuur (XML) zit als bijlage in deze PDF.",
        "The e-invoice (XML) is attached to this PDF.",
        "La facture électronique (XML) est jointe à ce PDF.",
    ),
}  # fmt: skip
_PLACE = {"nl": 0, "en": 1, "fr": 2}


def words(language: Language) -> dict[str, str]:
    """Every text by its name."""
    place = _PLACE[language]
    return {name: texts[place] for name, texts in _WORDS.items()}
