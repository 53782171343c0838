from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from llamaparse_worker.parsers.cores import core_count, cpu_quota, usable_cores


def place(root: Path, **files: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text + "\n")


@pytest.mark.parametrize(
    ("affinity", "quota", "cores"), [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.1, 1), (2, 16.0, 2)]
)
def test_the_smaller_of_affinity_and_quota_counts_and_a_part_of_a_core_is_one(
    affinity: int, quota: float | None, cores: int
) -> None:
    assert core_count(affinity=affinity, quota=quota) == cores


def test_version_2_takes_the_least_quota_of_the_group_and_its_ancestors(tmp_path: Path) -> None:
    place(tmp_path / "system.slice", cpu__max="150000 100000")
    place(tmp_path / "system.slice/worker.service", cpu__max="max 100000")

    quota = cpu_quota(tmp_path, "0::/system.slice/worker.service\n")

    assert quota is not None
    assert math.isclose(quota, 1.5)


def test_version_2_without_a_limit_has_no_quota(tmp_path: Path) -> None:
    place(tmp_path, cpu__max="max 100000")

    assert cpu_quota(tmp_path, "0::/") is None


def test_version_1_divides_quota_by_period(tmp_path: Path) -> None:
    place(tmp_path / "cpu/docker/abc", cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")

    assert cpu_quota(tmp_path, "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/x\n") == 3.0


def test_version_1_without_a_limit_has_no_quota(tmp_path: Path) -> None:
    place(tmp_path / "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")

    assert cpu_quota(tmp_path, "4:cpu,cpuacct:/\n") is None


def test_in_a_container_the_mounted_root_is_read_when_the_path_names_the_tree_of_the_host(tmp_path: Path) -> None:
    place(tmp_path, cpu__max="200000 100000")

    assert cpu_quota(tmp_path, "0::/kubepods/pod1/abc\n") == 2.0
    assert cpu_quota(tmp_path, "0::/../../pod1/abc\n") == 2.0


def test_this_machine_gives_at_least_one_core_and_no_more_than_its_affinity() -> None:
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))
