"""The system calls that a sandbox refuses, as a filter for the kernel (seccomp).

Namespaces leave the whole kernel within reach. The filter takes away what a shell has no use for
and what namespaces do not separate: the keys of the host's session, sockets to the hypervisor
(AF_VSOCK), new namespaces and mounts, io_uring, bpf, and memory that no limit counts.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""linux/audit.h."""
REFUSED = {  # name: number on x86_64, on aarch64; None where there is none
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "vmsplice": (278, 75),
    "move_pages": (279, 239),
    "iopl": (172, None),
    "ioperm": (173, None),
    "shmget": (29, 194),
    "msgget": (68, 186),
}
ABSENT = {  # answered as by a kernel that has not got them, so that programs take another way
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "clone3": (435, 435),  # its flags are behind a pointer; clone's can be read
}
CLONE = (56, 220)
NEW_NAMESPACE = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
SOCKET = (41, 198)
DOMAINS = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK (which lists interfaces)."""
X32 = 0x40000000
"""Bit of a system call of the x32 interface, whose numbers are others."""

# linux/bpf_common.h and linux/seccomp.h
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCH_AT, ARGUMENT_AT = 0, 4, 16
"""Offsets in `struct seccomp_data`; of the argument, the lower half on these processors."""


def seccomp_filter(machine: str | None = None) -> bytes:
    """The filter as `struct sock_filter[]`, which bubblewrap reads; empty where none is known.

    Args:
        machine: The processor, as `uname -m` names it; that of this machine if None.
    """
    machine = machine or platform.machine()
    if machine not in AUDIT_ARCH:
        return b""
    column = list(AUDIT_ARCH).index(machine)
    return b"".join(_instructions(column, AUDIT_ARCH[machine]))


def _instructions(column: int, arch: int) -> Iterator[bytes]:
    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    refuse, absent = (step(RETURN, ERRNO | number) for number in (errno.EPERM, errno.ENOSYS))
    allow = step(RETURN, ALLOW)
    yield step(LOAD, ARCH_AT)
    yield step(EQUAL, arch, yes=1)
    yield absent
    yield step(LOAD, NUMBER_AT)
    yield step(AT_LEAST, X32, no=1)
    yield absent
    for calls, answer in ((REFUSED, refuse), (ABSENT, absent)):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                yield step(EQUAL, number, no=1)
                yield answer
    yield step(EQUAL, CLONE[column], no=4)
    yield step(LOAD, ARGUMENT_AT)
    yield step(ANY_BIT, NEW_NAMESPACE, no=1)
    yield refuse
    yield allow
    yield step(EQUAL, SOCKET[column], no=len(DOMAINS) + 3)
    yield step(LOAD, ARGUMENT_AT)
    for place, domain in enumerate(DOMAINS):
        yield step(EQUAL, domain, yes=len(DOMAINS) - place)
    yield refuse
    yield allow
    yield allow
