"""No trick that is known to us leads a webhook to a machine of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplychain.webhooks import addresses
from supplychain.webhooks.addresses import check_address, parse_destination, resolved
from supplychain.webhooks.errors import DestinationRefused, NameUnknown

PUBLIC = ("93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "64:ff9b::5db8:d70e")
_NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250
240.0.0.1 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:0:127.0.0.1 ::ffff:10.0.0.1 ::ffff:93.184.215.14 fe80::1 fe80::1%eth0
fec0::1 fc00::1 fd00::1 fd00:ec2::254 ff02::1 ff0e::1 100::1 64:ff9b::127.0.0.1 64:ff9b::a00:1 64:ff9b::169.254.169.254
64:ff9b:1::1 64:ff9b:1::7f00:1 2001::1 2001:0:53aa:64c:0:0:80ff:fffe 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::
2002:a00:1::1 2002:5db8:d70e::1 3fff::1 5f00::1 4000::1 2606:4700::5efe:7f00:1 2606:4700:0:0:200:5efe:10.0.0.1
"""
_TRICKS = """
http://partner.example/hook ftp://partner.example/ file:///etc/passwd gopher://127.0.0.1:6379/_INFO javascript:alert(1)
https:partner.example https:/partner.example //partner.example/hook partner.example https:// https:///hook https://?x
https://127.0.0.1/ https://127.0.0.1:8443/ https://127.1/ https://127.0.1/ https://2130706433/ https://0x7f000001/
https://0x7f.0.0.1/ https://0x7f.1/ https://0177.0.0.1/ https://017700000001/ https://127.000.000.001/ https://0/
https://127.0.0.01/ https://0x/ https://0x7f.0x0.0x0.0x1/ https://00000177.0.0.1/ https://4294967296/ https://1.2.3/
https://1.2.3.4.5/ https://256.256.256.256/ https://partner.0x7f/ https://partner.1/ https://127.0.0.1./
https://169.254.169.254/latest/meta-data/ https://[::1]/ https://[::]/ https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/ https://[0:0:0:0:0:0:0:1]/ https://[0000::1]/ https://[fe80::1%25eth0]/ https://[fe80::1%eth0]/
https://[2606:4700::1%251]/ https://[64:ff9b::7f00:1]/ https://[2002:7f00:1::]/ https://[2001::7f00:1]/
https://[fd00:ec2::254]/ https://[::1 https://::1/ https://[::1]x/ https://[::1]443/ https://[127.0.0.1]/
https://[partner.example]/ https://[v1.fe80::a]/ https://localhost/ https://LOCALHOST/ https://localhost./
https://a.localhost/ https://printer.local/ https://metadata.google.internal/ https://db.internal/ https://intranet/
https://metadata/ https://router.lan/ https://x.home.arpa/ https://hidden.onion/ https://nothing.invalid/
https://partner.example./hook https://partner.example../ https://.partner.example/ https://partner..example/
https://partner.example@127.0.0.1/ https://127.0.0.1@partner.example/ https://user:pass@partner.example/
https://partner.example:443@127.0.0.1/ https://@partner.example/ https://partner.example%00.evil/
https://partner.example%2f@127.0.0.1/ https://127.0.0.1%2f.partner.example/ https://%31%32%37.0.0.1/
https://partner.example\\@127.0.0.1/ https://partner.example\\.evil/ https:\\\\127.0.0.1\\
https://partner.example:22/ https://partner.example:25/ https://partner.example:80/ https://partner.example:0/
https://partner.example:65536/ https://partner.example:99999999/ https://partner.example:-1/
https://partner.example:+443/ https://partner.example:0443/ https://partner.example:4_43/ https://partner.example:443:443/
https://partner.example:/ https://partner.example:x/ https://-partner.example/ https://partner-.example/
https://part_ner.example/ https://partner.example#@127.0.0.1/ https://partner.example/#x https://partner.example,evil/
https://partner.example;evil/ https://partner.example<b>/ https://$(id).example/ https://*.example/
https://127。0。0。1/ https://①②⑦.⓪.⓪.①/ https://１２７.０.０.１/ https://loc𝐚lhost/ https://ⓛocalhost/ https://ｌocalhost/
https://partner.example／@127.0.0.1/ https://bücher.example/ https://१२७.0.0.1/ https://partner.example\u3002evil/
"""
TRICKS = [
    *_TRICKS.split(),
    "",
    " ",
    "https://partner.example/hook\r\nX-Evil: 1",
    "https://partner.example/ho ok",
    "https://partner.example\t/",
    "https://partner.example\x00/",
    "https://partner.example\n.evil/",
    " https://partner.example/",
    "https://partner.example/ ",
    "https://" + "a" * 64 + ".example/",
    "https://" + ".".join(["abcdefgh"] * 30) + "/",
    "https://partner.example/" + "x" * 2_000,
]


@pytest.mark.parametrize("trick", TRICKS, ids=ascii)
def test_no_trick_is_read_as_a_destination(trick):
    with pytest.raises(DestinationRefused):
        parse_destination(trick)


@pytest.mark.parametrize("address", _NOT_PUBLIC.split())
def test_what_is_not_public_is_refused(address):
    with pytest.raises(DestinationRefused):
        check_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not(address):
    assert str(check_address(address)) == address


@given(st.ip_addresses(v=4))
def test_an_address_that_python_calls_private_is_refused_however_it_is_wrapped(address):
    inner = f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
    wrapped = [f"::ffff:{inner}", f"::{inner}", f"2002:{inner}::1", f"2606:4700::5efe:{inner}", f"2001::{inner}"]
    for text in wrapped:
        with pytest.raises(DestinationRefused):
            check_address(text)
    if not address.is_global or address.is_multicast:
        for text in (str(address), f"64:ff9b::{inner}"):
            with pytest.raises(DestinationRefused):
                check_address(text)


@given(st.ip_addresses(v=6))
def test_a_v6_address_that_is_not_global_is_refused(address):
    if not address.is_global and address not in addresses._NAT64:
        with pytest.raises(DestinationRefused):
            check_address(str(address))


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://partner.example/hook?a=1", "partner.example", 443, "/hook?a=1", "partner.example"),
        ("https://Partner.Example:8443", "partner.example", 8443, "/", "partner.example:8443"),
        ("HTTPS://partner.example?x=/@:", "partner.example", 443, "/?x=/@:", "partner.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://93.184.215.14/", "93.184.215.14", 443, "/", "93.184.215.14"),
        ("https://[2606:4700:4700::1111]:9443/x", "2606:4700:4700::1111", 9443, "/x", "[2606:4700:4700::1111]:9443"),
    ],
)
def test_a_destination_is_read(url, host, port, target, authority):
    found = parse_destination(url)
    assert (found.host, found.port, found.target, found.authority) == (host, port, target, authority)


def test_what_the_operator_allows_is_that_origin_alone():
    allow = ["http://127.0.0.1:9000"]
    assert parse_destination("http://127.0.0.1:9000/hook", allow=allow).port == 9000
    for other in ("http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "http://localhost:9000/", "http://127.0.0.1/"):
        with pytest.raises(DestinationRefused):
            parse_destination(other, allow=allow)


def test_every_address_of_a_name_is_checked():
    destination = parse_destination("https://partner.example/")
    assert resolved(destination, resolve=lambda host, port: PUBLIC) == PUBLIC
    for bad in ("127.0.0.1", "::1", "169.254.169.254", "fe80::1%2", "nonsense"):
        with pytest.raises(DestinationRefused):
            resolved(destination, resolve=lambda host, port, bad=bad: [*PUBLIC, bad])


def test_a_name_without_an_address_is_told_apart():
    def gone(host, port):
        raise OSError("no such name")

    with pytest.raises(NameUnknown, match=r"partner\.example has no address"):
        resolved(parse_destination("https://partner.example/"), resolve=gone)


def test_a_name_that_is_asked_for_twice_may_not_answer_otherwise():
    """The name is resolved once: there is no second answer for the connection to follow."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    destination = parse_destination("https://partner.example/")
    assert resolved(destination, resolve=lambda host, port: next(answers)) == ("93.184.215.14",)
    with pytest.raises(DestinationRefused):
        resolved(destination, resolve=lambda host, port: next(answers))
