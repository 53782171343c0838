"""The filter, run by an interpreter of its own for both architectures: what it says, not how it is written."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from llamaparse_worker.parsers import seccomp, system_calls
from llamaparse_worker.parsers.seccomp import ARCHITECTURES, Architecture
from llamaparse_worker.parsers.system_calls import Number

PID = 4711
ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
CLONE_OF_A_THREAD = 0x3D0F00
FORK = 0x1200011
FOREIGN = {"i386": 0x40000003, "arm": 0x40000028, "riscv64": 0xC00000F3}
FORBIDDEN = {
    "x86_64": """
        socket=41 connect=42 bind=49 listen=50 accept=43 socketpair=53 fork=57 vfork=58 execve=59 execveat=322
        ptrace=101 process_vm_readv=310 process_vm_writev=311 mount=165 umount2=166 pivot_root=155 chroot=161
        unshare=272 setns=308 keyctl=250 add_key=248 request_key=249 bpf=321 perf_event_open=298
        userfaultfd=323 io_uring_setup=425 io_uring_enter=426 symlink=88 link=86 linkat=265 symlinkat=266
        mknod=133 chmod=90 fchmodat=268 chown=92 inotify_init=253 inotify_init1=294 fanotify_init=300
        tkill=200 pidfd_open=434 pidfd_send_signal=424 pidfd_getfd=438 rt_sigqueueinfo=129
        rt_tgsigqueueinfo=297 init_module=175 kexec_load=246 reboot=169 open_by_handle_at=304 seccomp=317
        personality=135 setuid=105 shmget=29 msgget=68 mq_open=240 vmsplice=278 splice=275 setxattr=188
        landlock_restrict_self=446 setrlimit=160 truncate=76
    """,
    "aarch64": """
        socket=198 connect=203 bind=200 listen=201 accept=202 socketpair=199 execve=221 execveat=281
        ptrace=117 process_vm_readv=270 process_vm_writev=271 mount=40 umount2=39 pivot_root=41 chroot=51
        unshare=97 setns=268 keyctl=219 add_key=217 request_key=218 bpf=280 perf_event_open=241
        userfaultfd=282 io_uring_setup=425 symlinkat=36 linkat=37 mknodat=33 fchmodat=53 fchownat=54
        inotify_init1=26 fanotify_init=262 tkill=130 pidfd_open=434 rt_sigqueueinfo=138 init_module=105
        reboot=142 open_by_handle_at=265 seccomp=277 setuid=146
    """,
}

both = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())


def judged(architecture: Architecture, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the filter over one call and give its action."""
    words = {0: number, 4: architecture.audit if audit is None else audit}
    words |= {16 + 8 * place: value & 0xFFFFFFFF for place, value in enumerate(arguments)}
    accumulator, at, steps = 0, 0, seccomp.program(architecture, PID)
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        match code:
            case 0x20:
                accumulator = words.get(value, 0)
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return value
            case _:
                raise AssertionError(f"an instruction that this test does not know: {code:#x}")


def own(architecture: Architecture, number: Number) -> int:
    found = number.x86_64 if architecture.name == "x86_64" else number.aarch64
    assert found is not None
    return found


@both
def test_what_no_document_needs_is_refused(architecture: Architecture) -> None:
    forbidden = [(name, int(number)) for name, number in re.findall(r"(\w+)=(\d+)", FORBIDDEN[architecture.name])]

    assert [name for name, number in forbidden if judged(architecture, number) != REFUSE] == []


@both
def test_what_is_in_the_list_is_allowed_and_every_other_number_is_not(architecture: Architecture) -> None:
    numbers = (one.x86_64 if architecture.name == "x86_64" else one.aarch64 for one in system_calls.PLAIN.values())
    allowed = {number for number in numbers if number is not None}
    by_argument = {own(architecture, one) for one in (system_calls.CLONE, system_calls.CLONE3, system_calls.PRLIMIT64)}

    for number in set(range(1024)) - by_argument:
        with_no_arguments = judged(architecture, number, 99999, 99999)
        assert (with_no_arguments == ALLOW) is (number in allowed), number


@both
@pytest.mark.parametrize("audit", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_architecture_is_killed(architecture: Architecture, audit: int) -> None:
    assert judged(architecture, own(architecture, system_calls.PLAIN["read"]), audit=audit) == KILL


def test_the_other_interface_of_x86_64_is_killed() -> None:
    assert judged(ARCHITECTURES["x86_64"], 0x40000000) == KILL


@both
def test_threads_are_allowed_and_processes_and_namespaces_are_not(architecture: Architecture) -> None:
    clone = own(architecture, system_calls.CLONE)

    assert judged(architecture, clone, CLONE_OF_A_THREAD) == ALLOW
    assert judged(architecture, clone, FORK) == REFUSE
    for namespace in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert judged(architecture, clone, CLONE_OF_A_THREAD | namespace) == REFUSE
    assert judged(architecture, own(architecture, system_calls.CLONE3)) == MISSING


@both
@pytest.mark.parametrize("number", [system_calls.KILL, system_calls.TGKILL])
def test_a_process_may_signal_itself_alone(architecture: Architecture, number: Number) -> None:
    assert judged(architecture, own(architecture, number), PID) == ALLOW
    for other in (0, 1, PID + 1, -1, -PID):
        assert judged(architecture, own(architecture, number), other) == REFUSE


@both
@pytest.mark.parametrize(
    ("number", "arguments", "action"),
    [
        (system_calls.FCNTL, (3, 1033), ALLOW),
        (system_calls.FCNTL, (3, 8), REFUSE),
        (system_calls.FCNTL, (3, 10), REFUSE),
        (system_calls.FCNTL, (3, 15), REFUSE),
        (system_calls.FCNTL, (3, 1026), REFUSE),
        (system_calls.IOCTL, (1, 0x5401), ALLOW),
        (system_calls.IOCTL, (1, 0x5412), REFUSE),
        (system_calls.PRCTL, (15,), ALLOW),
        (system_calls.PRCTL, (1,), REFUSE),
        (system_calls.PRLIMIT64, (0,), ALLOW),
        (system_calls.PRLIMIT64, (PID + 1,), REFUSE),
    ],
)
def test_calls_of_many_uses_are_judged_by_their_argument(
    architecture: Architecture, number: Number, arguments: tuple[int, ...], action: int
) -> None:
    assert judged(architecture, own(architecture, number), *arguments) == action


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "x86_64"),
        ("/usr/include/asm-generic/unistd.h", "aarch64"),
    ],
)
def test_numbers_are_those_of_the_kernel(header: str, field: str) -> None:
    path = Path(header)
    if not path.exists():
        pytest.skip(f"{header} is not installed")
    defined = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", path.read_text(encoding="ascii"))
    }
    if field == "aarch64":
        defined["newfstatat"] = defined["fstatat"]
    named = {constant.lower(): getattr(system_calls, constant) for constant in dir(system_calls) if constant.isupper()}
    del named["plain"]
    listed = {**system_calls.PLAIN, **named}

    ours = {name: number for name, one in listed.items() if (number := getattr(one, field)) is not None}
    known = {name: defined.get(name, number) for name, number in ours.items()}  # the header may be older
    assert ours == known
