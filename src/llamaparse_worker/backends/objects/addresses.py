"""Which network addresses a document may be fetched from: the judgement behind every ``https://`` source.

Pure: no name is resolved here. Addresses are judged as parsed values, never as text, so that no notation slips through.
IPv4 is judged by a list of what is refused, IPv6 by the one range that is global unicast, less its exceptions: what the
registries hand out later is refused until it is known.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_V4: Final = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local or cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
    )
)

_V6_GLOBAL: Final = IPv6Network("2000::/3")
_V6: Final = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    )
)

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_NAME = 253


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Give the reason why an address is not public, or None when it is."""
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in _V4 if address in network), None)
    if address.scope_id:
        return "link-local"
    known = next((reason for network, reason in _V6 if address in network), None)
    return known or (None if address in _V6_GLOBAL else "not global unicast")


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Give the address that a host is in its one canonical notation, or None for anything else."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_name(host: str) -> bool:
    """Tell whether a host is a plain DNS name in lower case.

    Not: a name that ends in a dot or in a number, since ``0x7f.1``, ``2130706433`` and ``127.1`` are addresses to some
    resolvers.
    """
    labels = host.split(".")
    plain = len(host) <= _MAX_NAME and all(_LABEL.fullmatch(label) for label in labels)
    return plain and not _NUMBER.fullmatch(labels[-1])
