import pytest

from identity.origin import client_address, counted_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "expected"),
    [
        (0, "", "198.51.100.7", "198.51.100.7"),
        (0, "10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.5", "127.0.0.1", "203.0.113.5"),
        (1, "1.1.1.1, 203.0.113.5", "127.0.0.1", "203.0.113.5"),
        (2, "1.1.1.1, 203.0.113.5, 10.0.0.2", "10.0.0.3", "203.0.113.5"),
        (2, "203.0.113.5", "10.0.0.3", "10.0.0.3"),
        (1, "", "198.51.100.7", "198.51.100.7"),
        (1, "rubbish", "198.51.100.7", "198.51.100.7"),
        (1, " 2001:db8::1 ", "127.0.0.1", "2001:db8::1"),
        (0, "", "::ffff:198.51.100.7", "198.51.100.7"),
        (0, "", "fe80::1%eth0", "fe80::1"),
        (0, "", "", None),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(rf, settings, proxies, forwarded, peer, expected):
    settings.TRUSTED_PROXY_COUNT = proxies
    request = rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected


def test_an_ipv6_household_counts_once(rf):
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]
    assert {counted_address(rf.get("/", REMOTE_ADDR=address)) for address in addresses} == {"2001:db8:1:2::"}
    assert counted_address(rf.get("/", REMOTE_ADDR="198.51.100.7")) == "198.51.100.7"
