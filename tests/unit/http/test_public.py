"""Which addresses outside may be called when somebody else names them (SSRF)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from libs.http.public import ANYWHERE, host_of, is_public

_NOT = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "192.88.99.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "fec0::1",
    "", "receiver.example", "127.1", "2130706433", "0x7f000001", "8.8.8.8 ",
)  # fmt: skip


@pytest.mark.parametrize("address", _NOT)
def test_ours_the_clouds_and_disguises_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "185.199.108.153", "2a00:1450:4001:800::200e", "2606:4700::1111"]
)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_what_an_operator_opened_may_be_called_and_nothing_beside_it() -> None:
    also = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))
    assert is_public("10.1.2.3", also)
    assert is_public("fd00:1::5", also)
    assert not is_public("10.2.0.1", also)
    assert not is_public("::ffff:10.1.2.3", also)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://receiver.example/in", "receiver.example"),
        ("https://Receiver.Example.:8443/in?x=1", "receiver.example"),
        ("https://8.8.8.8/", "8.8.8.8"),
        ("https://[2a00:1450:4001:800::200e]/", "2a00:1450:4001:800::200e"),
        ("https://xn--caf-dma.example/", "xn--caf-dma.example"),
    ],
)
def test_the_host_of_what_may_be_called(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/", "ftp://receiver.example/", "//receiver.example/", "receiver.example", "", "https://",
        "https:///in", "https://user@receiver.example/", "https://user:word@receiver.example/", "https://@receiver.example",
        "https://receiver.example/#in", "https://receiver.example:0/", "https://receiver.example:99999/",
        "https://receiver.example:x/", "https://[::1", "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://127.1/",
        "https://2130706433/", "https://0x7f.1/", "https://169.254.169.254/latest/meta-data", "https://[fe80::1%25eth0]/",
        "https://receiver.example/a b", "https://receiver.example/\r\nX: y", "https://receiver.example\\@127.0.0.1/",
        "https://caf\u00e9.example/", "https://receiver.example/" + "a" * 2000, "https://receiver.example/\x00",
    ],
)  # fmt: skip
def test_what_is_no_address_to_call(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as no:
        host_of(url)
    assert "user:word" not in str(no.value)


def test_a_literal_is_left_to_whoever_calls_when_nothing_is_opened_yet() -> None:
    assert host_of("https://127.0.0.1:8443/in", ANYWHERE) == "127.0.0.1"
