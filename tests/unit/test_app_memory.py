from __future__ import annotations

import platform
import subprocess
import sys

import pytest

READ_AFTER_A_LARGE_BLOCK_WAS_FREED = """
import ctypes
from llamaparse_worker.app.memory import map_large_blocks

class Use(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd u f uord ford keep".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Use
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
{first}
libc.free(libc.malloc(8 * 2**20))
before = libc.mallinfo2().hblks
received = bytes(256 * 1024)
print(libc.mallinfo2().hblks - before)
"""


OLD_GARBAGE = """
import gc
from llamaparse_worker.app.memory import leave_out_of_collections

lasting = [[number] for number in range(400_000)]
{first}
gc.set_threshold(10, 2, 2)
before = gc.get_stats()[2]["collections"]
grown = [[number] for number in range(50_000)]
print(gc.get_stats()[2]["collections"] > before)
"""


def output(program: str) -> str:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the allocator of glibc")
@pytest.mark.parametrize(
    ("first", "mapped"), [("assert map_large_blocks()", 1), ("pass", 0)], ids=["set", "as glibc has it"]
)
def test_a_buffer_stays_out_of_the_heap_whatever_was_freed_before(first: str, mapped: int) -> None:
    assert output(READ_AFTER_A_LARGE_BLOCK_WAS_FREED.format(first=first)) == str(mapped)


@pytest.mark.parametrize(
    ("first", "collected"),
    [("leave_out_of_collections()", True), ("gc.collect(); gc.freeze()", False)],
    ids=["set", "frozen only"],
)
def test_what_lasts_from_the_start_holds_up_no_full_collection(first: str, *, collected: bool) -> None:
    assert output(OLD_GARBAGE.format(first=first)) == str(collected)
