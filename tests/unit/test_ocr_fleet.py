from __future__ import annotations

from yarl import URL

from llamaparse_worker.backends.ocr.remote.fleet import ERRORS_IN_A_ROW, FIRST_REST_S, LONGEST_REST_S, Fleet


def fleet(size: int) -> Fleet:
    return Fleet([URL(f"http://ocr-{number}:8080/ocr") for number in range(size)])


def test_pages_go_where_the_fewest_are() -> None:
    servers = fleet(3)
    one, two, three = servers.servers
    one.pages, two.pages, three.pages = 2, 1, 2

    assert servers.choose(0) is two


def test_equals_share_the_pages() -> None:
    servers = fleet(2)

    assert {servers.choose(0) for _ in range(100)} == set(servers.servers)


def test_another_service_is_preferred_to_one_that_was_tried() -> None:
    servers = fleet(2)
    one, two = servers.servers
    two.pages = 5

    assert servers.choose(0, {one}) is two
    assert fleet(1).choose(0, {one}) is not None


def test_a_service_that_fails_rests_longer_each_time_and_comes_back_with_one_page() -> None:
    servers = fleet(1)
    (one,) = servers.servers
    now, rests = 0.0, []
    for _ in range(12):
        servers.failed(one, now)
        assert servers.choose(now) is None
        rests.append(one.rests_until - now)
        now = one.rests_until
        assert servers.choose(now) is one

    assert FIRST_REST_S <= rests[0] <= 1.5 * FIRST_REST_S
    assert rests[3] > rests[0]
    assert LONGEST_REST_S <= max(rests) <= 1.5 * LONGEST_REST_S
    with servers.page_at(one):
        assert servers.choose(now) is None, "one page is the probe"
        assert servers.is_down(now)
    servers.worked(one)
    with servers.page_at(one):
        assert servers.choose(now) is one


def test_pages_that_fail_together_are_one_failure() -> None:
    servers = fleet(1)
    (one,) = servers.servers
    for _ in range(8):
        servers.failed(one, 0)

    assert one.failures == 1


def test_a_service_that_reads_no_page_is_set_aside_although_it_answers() -> None:
    servers = fleet(1)
    (one,) = servers.servers
    for _ in range(ERRORS_IN_A_ROW - 1):
        servers.erred(one, 0)
    assert servers.choose(0) is one
    servers.worked(one)
    for _ in range(ERRORS_IN_A_ROW):
        servers.erred(one, 0)
    assert servers.choose(0) is None


def test_a_full_service_rests_but_has_not_failed() -> None:
    servers = fleet(2)
    one, two = servers.servers
    servers.full(one, 0, 2)
    servers.full(two, 0, 9_999)

    assert servers.choose(1.9) is None
    assert not servers.is_down(1.9)
    assert servers.choose(3) is one
    assert two.rests_until <= 1.5 * LONGEST_REST_S
    assert 2 <= servers.pause_s(0) <= 3
