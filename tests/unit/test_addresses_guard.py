from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from llamaparse_worker.backends.objects.guard import GuardedResolver, judged
from llamaparse_worker.errors import SourceForbidden

EXCEPTIONS = frozenset({"wiki.intern", "files.intern:8443", "10.0.0.7"})


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/a.pdf",
        "ftp://example.com/a.pdf",
        "//example.com/a.pdf",
        "https:example.com/a.pdf",
        "https:///a.pdf",
        "https://example.com:80/a.pdf",
        "https://example.com:8443/a.pdf",
        "https://example.com:99999/a.pdf",
        "https://user@example.com/a.pdf",
        "https://user:word@example.com/a.pdf",
        "https://127.0.0.1/a.pdf",
        "https://127.1/a.pdf",
        "https://2130706433/a.pdf",
        "https://0x7f000001/a.pdf",
        "https://0177.0.0.1/a.pdf",
        "https://①②⑦.0.0.1/a.pdf",
        "https://127.0.0.1\t/a.pdf",
        "https://127.0.0.1./a.pdf",
        "https://example.com./a.pdf",
        "https://[::1]/a.pdf",
        "https://[::ffff:127.0.0.1]/a.pdf",
        "https://[::ffff:7f00:1]/a.pdf",
        "https://[fe80::1%25eth0]/a.pdf",
        "https://[64:ff9b::7f00:1]/a.pdf",
        "https://[::1/a.pdf",
        "https://169.254.169.254/latest/meta-data",
        "https://ex ample.com/a.pdf",
        "https://exam\nple.com/a.pdf",
        "https://exa%00mple.com/a.pdf",
        "https://evil.com\\@example.com/a.pdf",
        "https://wiki.intern:444/a.pdf",
        "https://files.intern:443:8443/a.pdf",
        "https://10.0.0.8/a.pdf",
    ],
)
def test_an_address_outside_the_rules_is_refused(address: str) -> None:
    with pytest.raises(SourceForbidden):
        judged(address, EXCEPTIONS)


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("https://example.com/a.pdf", "https://example.com/a.pdf"),
        ("HTTPS://Example.COM/A.pdf#page=3", "https://Example.COM/A.pdf"),
        ("https://example.com:443/a.pdf", "https://example.com/a.pdf"),
        ("https://b.example/k?X-Signature=a%2Fb%3D&x=%7e", "https://b.example/k?X-Signature=a%2Fb%3D&x=%7e"),
        ("https://exämple.com/ä b.pdf", "https://xn--exmple-cua.com/%C3%A4%20b.pdf"),
        ("https://1.1.1.1/a.pdf", "https://1.1.1.1/a.pdf"),
        ("https://[2606:4700::1111]/a.pdf", "https://[2606:4700::1111]/a.pdf"),
        ("https://WIKI.intern/a.pdf", "https://WIKI.intern/a.pdf"),
        ("https://files.intern:8443/a.pdf", "https://files.intern:8443/a.pdf"),
        ("https://10.0.0.7/a.pdf", "https://10.0.0.7/a.pdf"),
    ],
)
def test_an_allowed_address_is_sent_as_it_was_signed(address: str, sent: str) -> None:
    assert str(judged(address, EXCEPTIONS)) == sent


@pytest.mark.parametrize("address", ["https://h.example:1/secret?token=secret", "https://127.0.0.1/secret?x=secret"])
def test_a_refusal_tells_the_host_but_neither_path_nor_query(address: str) -> None:
    with pytest.raises(SourceForbidden) as caught:
        judged(address, ())
    assert "secret" not in caught.value.message


class Names(AbstractResolver):
    """Answers from a table, like a name server of an attacker."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._table = table

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._table[host]
        ]

    async def close(self) -> None:
        return


@pytest.mark.anyio
async def test_a_name_gives_its_public_addresses_only() -> None:
    names = Names({"mixed.example": ["127.0.0.1", "1.1.1.1", "::ffff:10.0.0.1", "2606:4700::1111", "fe80::1%2"]})
    found = await GuardedResolver(names, ()).resolve("mixed.example", 443)
    assert [result["host"] for result in found] == ["1.1.1.1", "2606:4700::1111"]


@pytest.mark.anyio
async def test_a_name_without_public_address_is_refused() -> None:
    resolver = GuardedResolver(Names({"localhost": ["127.0.0.1", "::1"]}), ())
    with pytest.raises(SourceForbidden, match="localhost"):
        await resolver.resolve("localhost", 443)


@pytest.mark.anyio
@pytest.mark.parametrize(("host", "port"), [("wiki.intern", 443), ("Wiki.Intern", 443), ("files.intern", 8443)])
async def test_an_excepted_host_may_be_inside(host: str, port: int) -> None:
    resolver = GuardedResolver(Names({host: ["10.0.0.1"]}), EXCEPTIONS)
    assert [result["host"] for result in await resolver.resolve(host, port)] == ["10.0.0.1"]


@pytest.mark.anyio
@pytest.mark.parametrize(("host", "port"), [("wiki.intern", 444), ("files.intern", 443)])
async def test_the_exception_of_one_port_is_none_for_another(host: str, port: int) -> None:
    with pytest.raises(SourceForbidden):
        await GuardedResolver(Names({host: ["10.0.0.1"]}), EXCEPTIONS).resolve(host, port)
