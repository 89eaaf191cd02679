"""Which addresses outside may be called when somebody else names them. Pure.

An address is public when anybody on the internet would reach the same machine by it. Everything that is ours, the cloud's
(169.254.169.254) or a way to write an IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo) is not: of IPv6 only
2000::/3 counts, without its special blocks (IANA special-purpose registries, RFC 6890).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network

LONGEST = 2000
ANYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_IPV6 = ip_network("2000::/3")
_SPECIAL = tuple(
    map(
        ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
    )
)


class NotPublic(OSError):
    """An address that is not public, named by somebody who is not of the house."""


def is_public(address: str, also: Sequence[Network] = ()) -> bool:
    """Whether this address may be called. ``also``: networks an operator has opened. False for what is no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if any(found.version == network.version and found in network for network in also):
        return True
    if any(found.version == network.version and found in network for network in _SPECIAL):
        return False
    within = isinstance(found, IPv4Address) or found in _IPV6
    return within and found.is_global and not found.is_multicast


def host_of(url: str, also: Sequence[Network] = ()) -> str:
    """The host of an address that may be called as far as its text says, in lower case.

    Raises ``ValueError`` for what is not https, has a user, a fragment or no host, or names an address that is not
    public. What its name resolves to is looked at with every connection.
    """
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("this is not an address: printable ASCII without spaces, 2,000 characters at most")
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError("only https addresses are called")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("no user name, no password and no fragment in the address")
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or parts.port == 0:  # reading the port raises, too, for what is none
        raise ValueError("there is no host in this address")
    if (":" in host or host.rpartition(".")[2][:1].isdigit()) and not is_public(host, also):
        raise ValueError("this address is not a public one")
    return host
