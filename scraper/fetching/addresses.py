"""Which addresses are public unicast ones, and which names never are."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Named one by one, since `ipaddress.is_global` is true for multicast, NAT64, 6to4 and site-local addresses, and
# changes between Python versions. From IANA's registries of special-purpose addresses (RFC 6890 and its updates).
_SPECIAL_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_UNICAST_6 = ip_network("2000::/3")
_SPECIAL_6 = tuple(ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

_PRIVATE_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost"})
# RFC 6761 (localhost), 6762 (local), 8375 (home.arpa), and `internal`, which ICANN keeps for private use.
_PRIVATE_SUFFIXES = (".localhost", ".localdomain", ".local", ".home.arpa", ".internal")


def is_public(address: str) -> bool:
    """Whether an address literal, as a resolver gives it, is public unicast. False for what is no address.

    IPv6 passes within 2000::/3 alone, so that no form which carries an IPv4 address inside does.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in network for network in _SPECIAL_4)
    return parsed.scope_id is None and parsed in _UNICAST_6 and not any(parsed in network for network in _SPECIAL_6)


def is_private_name(host: str) -> bool:
    """Whether a name stands for this machine or its network by its form, whatever a resolver would say."""
    name = host.rstrip(".").lower()
    return name in _PRIVATE_NAMES or name.endswith(_PRIVATE_SUFFIXES)


def is_literal(host: str) -> bool:
    """Whether a URL's host is an address: IPv4 (in the C library's short, octal and hex forms too) or IPv6."""
    return literal_address(host) is not None


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a URL's host spells, without brackets; None for a name.

    The numbers of the C library are read as it reads them: 127.1, 0x7f.1, 017700000001, 2130706433.
    """
    text = host.strip("[]")
    try:
        return ip_address(text)
    except ValueError:
        return _numbers_address(text.rstrip("."))


def _numbers_address(text: str) -> IPv4Address | None:
    """An IPv4 address of one to four numbers in decimal, octal or hex, the last filling what is left (inet_aton(3))."""
    parts = text.lower().split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers = []
    for part in parts:
        if not part or not part.isascii() or not part[0].isdigit():
            return None
        base = 16 if part.startswith("0x") else 8 if part.startswith("0") and len(part) > 1 else 10
        try:
            numbers.append(int(part.removeprefix("0x") or "0", base) if base == 16 else int(part, base))
        except ValueError:
            return None
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 256 ** (5 - len(numbers)):
        return None
    value = last
    for place, number in enumerate(leading):
        value |= number << (24 - 8 * place)
    return IPv4Address(value)
