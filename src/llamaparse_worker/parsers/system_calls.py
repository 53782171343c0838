"""The system calls that a parser process may make, with their numbers on each architecture.

Numbers from the kernel's tables: ``arch/x86/entry/syscalls/syscall_64.tbl`` and, for aarch64,
``include/uapi/asm-generic/unistd.h``, which has no call that a later one replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """The number of one system call; None where the architecture does not have it."""

    x86_64: int | None
    aarch64: int | None


PLAIN: Mapping[str, Number] = {
    # The most frequent first: a kernel without a cache for filters goes through them in order.
    "read": Number(0, 63),
    "write": Number(1, 64),
    "pread64": Number(17, 67),
    "pwrite64": Number(18, 68),
    "lseek": Number(8, 62),
    "mmap": Number(9, 222),
    "munmap": Number(11, 215),
    "mremap": Number(25, 216),
    "mprotect": Number(10, 226),
    "madvise": Number(28, 233),
    "brk": Number(12, 214),
    "futex": Number(202, 98),
    "openat": Number(257, 56),
    "close": Number(3, 57),
    "fstat": Number(5, 80),
    "newfstatat": Number(262, 79),
    # Open files
    "readv": Number(19, 65),
    "writev": Number(20, 66),
    "preadv": Number(295, 69),
    "pwritev": Number(296, 70),
    "preadv2": Number(327, 286),
    "pwritev2": Number(328, 287),
    "sendfile": Number(40, 71),
    "copy_file_range": Number(326, 285),
    "fallocate": Number(285, 47),
    "ftruncate": Number(77, 46),
    "fsync": Number(74, 82),
    "fdatasync": Number(75, 83),
    "fadvise64": Number(221, 223),
    "flock": Number(73, 32),
    # Names of files, which Landlock governs
    "open": Number(2, None),
    "creat": Number(85, None),
    "stat": Number(4, None),
    "lstat": Number(6, None),
    "access": Number(21, None),
    "readlink": Number(89, None),
    "statx": Number(332, 291),
    "faccessat": Number(269, 48),
    "faccessat2": Number(439, 439),
    "readlinkat": Number(267, 78),
    "statfs": Number(137, 43),
    "fstatfs": Number(138, 44),
    "getdents": Number(78, None),
    "getdents64": Number(217, 61),
    "getcwd": Number(79, 17),
    "umask": Number(95, 166),
    "mkdir": Number(83, None),
    "mkdirat": Number(258, 34),
    "unlink": Number(87, None),
    "unlinkat": Number(263, 35),
    "rmdir": Number(84, None),
    "rename": Number(82, None),
    "renameat": Number(264, 38),
    "renameat2": Number(316, 276),
    # Descriptors, waiting, and the socket to the worker, which is open before
    "dup": Number(32, 23),
    "dup2": Number(33, None),
    "dup3": Number(292, 24),
    "close_range": Number(436, 436),
    "pipe": Number(22, None),
    "pipe2": Number(293, 59),
    "eventfd2": Number(290, 19),
    "memfd_create": Number(319, 279),
    "poll": Number(7, None),
    "ppoll": Number(271, 73),
    "select": Number(23, None),
    "pselect6": Number(270, 72),
    "epoll_create1": Number(291, 20),
    "epoll_ctl": Number(233, 21),
    "epoll_wait": Number(232, None),
    "epoll_pwait": Number(281, 22),
    "sendto": Number(44, 206),
    "recvfrom": Number(45, 207),
    "sendmsg": Number(46, 211),
    "recvmsg": Number(47, 212),
    "shutdown": Number(48, 210),
    "getsockname": Number(51, 204),
    "getpeername": Number(52, 205),
    "getsockopt": Number(55, 209),
    # Memory and threads
    "msync": Number(26, 227),
    "mincore": Number(27, 232),
    "membarrier": Number(324, 283),
    "set_tid_address": Number(218, 96),
    "set_robust_list": Number(273, 99),
    "get_robust_list": Number(274, 100),
    "rseq": Number(334, 293),
    "arch_prctl": Number(158, None),
    "sched_yield": Number(24, 124),
    "sched_getaffinity": Number(204, 123),
    "sched_getparam": Number(143, 121),
    "sched_getscheduler": Number(145, 120),
    "sched_getattr": Number(315, 275),
    "getcpu": Number(309, 168),
    # Signals of this process, time, and what it is
    "rt_sigaction": Number(13, 134),
    "rt_sigprocmask": Number(14, 135),
    "rt_sigreturn": Number(15, 139),
    "rt_sigpending": Number(127, 136),
    "rt_sigtimedwait": Number(128, 137),
    "sigaltstack": Number(131, 132),
    "restart_syscall": Number(219, 128),
    "setitimer": Number(38, 103),
    "nanosleep": Number(35, 101),
    "clock_nanosleep": Number(230, 115),
    "clock_gettime": Number(228, 113),
    "clock_getres": Number(229, 114),
    "gettimeofday": Number(96, 169),
    "time": Number(201, None),
    "getpid": Number(39, 172),
    "gettid": Number(186, 178),
    "getppid": Number(110, 173),
    "getpgrp": Number(111, None),
    "getpgid": Number(121, 155),
    "getsid": Number(124, 156),
    "getuid": Number(102, 174),
    "geteuid": Number(107, 175),
    "getgid": Number(104, 176),
    "getegid": Number(108, 177),
    "getresuid": Number(118, 148),
    "getresgid": Number(120, 150),
    "getgroups": Number(115, 158),
    # Limits in force, ends
    "getrlimit": Number(97, 163),
    "getrusage": Number(98, 165),
    "times": Number(100, 153),
    "sysinfo": Number(99, 179),
    "uname": Number(63, 160),
    "getrandom": Number(318, 278),
    "wait4": Number(61, 260),
    "waitid": Number(247, 95),
    "exit": Number(60, 93),
    "exit_group": Number(231, 94),
}
"""Allowed with any arguments."""

CLONE = Number(56, 220)
CLONE3 = Number(435, 435)
KILL = Number(62, 129)
TGKILL = Number(234, 131)
PRLIMIT64 = Number(302, 261)
PRCTL = Number(157, 167)
IOCTL = Number(16, 29)
FCNTL = Number(72, 25)
