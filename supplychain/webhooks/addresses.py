"""Where a webhook may go: https, to public addresses alone, written in one way (no server-side request forgery).

A destination is read strictly when it is given and again before each request; then its name is resolved once, every
address that comes back is checked, and the connection goes to one of these very addresses. What an operator lists in
WAYLOG_WEBHOOK_ALLOW (whole origins, as `http://127.0.0.1:9000`) is exempt from both checks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from supplychain.webhooks.errors import DestinationRefused, NameUnknown

LONGEST: Final = 2_000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Answer with all addresses of a name, as text; raises OSError."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+").fullmatch
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(#.*)?").fullmatch
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch
_PORT = re.compile(r"[1-9][0-9]{0,4}").fullmatch
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOWEST_PORT: Final = 1024
"""Below it lie services that are not webhooks (mail, shells, files); 443 is the exception."""
_LOCAL_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion", "invalid")


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that a webhook may name: what stands in the request, and in the certificate."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as they are sent."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port left out where it is the scheme's own."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_destination(url: str, *, allow: Iterable[str] = ()) -> Destination:
    """Read where a webhook shall go; `allow` are origins that the operator exempts. Raises DestinationRefused."""
    if not url or len(url) > LONGEST or not _PRINTABLE(url) or "\\" in url:
        raise DestinationRefused(f"The address must be a URL of at most {LONGEST:,} printable ASCII characters.")
    parts = _URL(url)
    if parts is None:
        raise DestinationRefused("The address must be a whole URL, such as https://partner.example/hook.")
    if parts[4] is not None:
        raise DestinationRefused("The address may have no fragment (#...): nobody would see it.")
    scheme = parts[1].lower()
    if scheme not in _DEFAULT_PORTS:
        raise DestinationRefused("Webhooks go to https addresses.")
    host, port = _host_and_port(parts[2], scheme)
    target = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    found = Destination(scheme, host, port, target)
    if not is_allowed(found, allow):
        _check_destination(found)
    return found


def is_allowed(destination: Destination, allow: Iterable[str]) -> bool:
    """Whether the operator exempts this origin."""
    return destination.origin in {origin.strip().rstrip("/").lower() for origin in allow}


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        raise DestinationRefused("The address may hold no user name or password; sign-in is by the signature.")
    bracketed = authority.startswith("[")
    host, bracket, rest = authority[1:].partition("]") if bracketed else authority.partition(":")
    if bracketed and (not bracket or (rest and not rest.startswith(":"))):
        raise DestinationRefused("An IPv6 address stands in brackets: https://[2a00::1]/.")
    port = rest[1:] if bracketed else rest
    if (bracket and not bracketed) or rest:
        if not _PORT(port) or int(port) > 65_535:
            raise DestinationRefused("The port must be a plain number from 1 to 65535.")
        return _read_host(host, bracketed), int(port)
    return _read_host(host, bracketed), _DEFAULT_PORTS[scheme]


def _read_host(host: str, bracketed: bool) -> str:
    """A host in the one form that is read here: a DNS name, or an address as it is canonically written."""
    host = host.lower()
    if bracketed:
        return _canonical(host, ipaddress.IPv6Address)
    labels = host.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # any such name is an address to some reader (WHATWG URL, 3.5)
        return _canonical(host, ipaddress.IPv4Address)
    if len(host) > 253 or not all(_LABEL(label) for label in labels):
        raise DestinationRefused(
            "The host must be a DNS name of letters, digits, hyphens and dots, without a dot at its end"
            " (xn--... for other scripts)."
        )
    return host


def _canonical(text: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> str:
    try:
        found = str(kind(text))
    except ValueError:
        found = ""
    if found != text or "%" in text:
        raise DestinationRefused("An IP address must be written in its usual form, such as 192.0.2.7, without a zone.")
    return found


def _check_destination(destination: Destination) -> None:
    if destination.scheme != "https":
        raise DestinationRefused("Webhooks go to https addresses: anything else can be read and changed on its way.")
    if destination.port != 443 and destination.port < _LOWEST_PORT:
        raise DestinationRefused(f"Webhooks go to port 443, or to one from {_LOWEST_PORT} on.")
    try:
        check_address(destination.host)
    except ValueError:
        host = destination.host
        if "." not in host or any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
            raise DestinationRefused("The host must be a public name.") from None


# --- addresses ------------------------------------------------------------------------------------------------------

_V4_SPECIAL: Final = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
"""
"""IANA's special-purpose registry, multicast, and 168.63.129.16, the public address that a cloud answers itself."""
_V4_REFUSED: Final = tuple(map(ipaddress.IPv4Network, _V4_SPECIAL.split()))
_V6_PUBLIC: Final = ipaddress.IPv6Network("2000::/3")
_V6_SPECIAL: Final = "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20"
"""Special-purpose space inside 2000::/3: protocols and Teredo, documentation, 6to4, AS112."""
_V6_REFUSED: Final = tuple(map(ipaddress.IPv6Network, _V6_SPECIAL.split()))
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


def check_address(text: str) -> Address:
    """Return the address when it is public. Raises DestinationRefused, and ValueError for what is no address."""
    if "%" in text:
        raise DestinationRefused("An address with a zone is this machine's or its neighbours'.")
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        is_public = not any(address in network for network in _V4_REFUSED)
    else:
        is_public = _is_public_v6(address)
    if not is_public:
        raise DestinationRefused(f"{address} is not a public address: webhooks do not go there.")
    return address


def _is_public_v6(address: ipaddress.IPv6Address) -> bool:
    """What carries an IPv4 address (mapped, 6to4, Teredo, ISATAP) is refused; behind NAT64 it is looked at."""
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return not any(inner in network for network in _V4_REFUSED)
    if address not in _V6_PUBLIC or any(address in network for network in _V6_REFUSED):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


def resolved(destination: Destination, *, resolve: Resolve, allow: Iterable[str] = ()) -> tuple[str, ...]:
    """Resolve the host once and check every address. Raises DestinationRefused, also where it has no address."""
    try:
        found = tuple(dict.fromkeys(resolve(destination.host, destination.port)))
    except (OSError, UnicodeError):
        found = ()
    if not found:
        raise NameUnknown(f"{destination.host} has no address.")
    if not is_allowed(destination, allow):
        for text in found:
            try:
                check_address(text)
            except ValueError:
                raise DestinationRefused(f"{destination.host} resolves to what is no address.") from None
    return found
