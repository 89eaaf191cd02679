"""Exact Online: the link with a receiver's or sender's own administration, what is booked there, what was paid.

::

    oauth, tokens ─▶ links      who consented, to which division; tokens, renewed by one worker at a time
    budget ─▶ allowances        how many calls may be made, counted by all workers together
    client                      one call: URL, headers, budget, token, what went wrong
    booking ─▶ channel          an invoice as a purchase entry, step by step

Everything here was written from public documents (docs/exact-online.md); nothing was tried against the real service.
"""
