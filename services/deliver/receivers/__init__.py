"""The receivers' side: how they are reached, what they fetch, what they got and say of it."""
