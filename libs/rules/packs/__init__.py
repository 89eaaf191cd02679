"""Rule packs: tables of small typed functions over the facts of an invoice."""
