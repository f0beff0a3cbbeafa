"""Tries to get out. Prints one line a case: its name, then `ok` or the name of the error.

Arguments: a directory outside, the workspace, the id of a process outside, `cell` or `control`,
and the abstract name of a socket outside.
"""
import ctypes, errno, fcntl, os, socket, sys

out, ws, host, mode, name_outside = *sys.argv[1:3], int(sys.argv[3]), *sys.argv[4:6]
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    args = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(number), *args) < 0:
        raise OSError(ctypes.get_errno(), "")


def write(path, text="x", flags=os.O_WRONLY | os.O_CREAT, bits=0o644):
    fd = os.open(path, flags, bits)
    os.write(fd, text.encode())
    os.close(fd)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def sock(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()


def reach(address):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(address)


def pair_send():
    a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.sendto(b"x", out + "/datagram")


def pair_works():
    a, b = socket.socketpair()
    a.send(b"x")
    assert b.recv(1) == b"x"


def through_link():
    os.symlink(out + "/secret", ws + "/src/link")
    read(ws + "/src/link")


def through_directory_link():
    os.symlink(out, ws + "/src/dir")
    write(ws + "/src/dir/new2")


def own_mode():
    write(ws + "/src/mine")
    os.chmod(ws + "/src/mine", 0o600)
    assert os.stat(ws + "/src/mine").st_mode & 0o777 == 0o600
    fd = os.open(ws + "/src/mine", os.O_RDONLY)
    os.fchmod(fd, 0o640)
    os.utime(fd, (1, 2))
    os.utime(ws + "/src/mine", ns=(3_000_000_000, 4_000_000_005))
    found = os.stat(ws + "/src/mine")
    assert found.st_mode & 0o777 == 0o640 and found.st_mtime_ns == 4_000_000_005, found
    os.chown(ws + "/src/mine", os.getuid(), os.getgid())
    back = os.getcwd()
    os.chdir(ws + "/src")
    os.chmod("mine", 0o644)
    os.chdir(back)


def own_mode_threads():
    import threading
    write(ws + "/src/shared")
    def work():
        for bits in (0o600, 0o640) * 20:
            os.chmod(ws + "/src/shared", bits)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def link_mode():
    os.symlink(out + "/secret", ws + "/src/mode-link")
    os.chmod(ws + "/src/mode-link", 0o777)


def suid():
    write(ws + "/src/suid")
    os.chmod(ws + "/src/suid", 0o4755)


def descriptor_mode():
    os.fchmod(os.open("/usr/bin/env", os.O_RDONLY), 0o777)


def flags_of_a_program():
    fcntl.ioctl(os.open("/usr/bin/env", os.O_RDONLY), 0x40086602, b"\0" * 8)


def no_descriptors():
    seen = []
    for fd in range(3, 1024):
        try:
            os.fstat(fd)
            seen.append(fd)
        except OSError:
            pass
    assert not seen, seen


def no_environment():
    names = set(os.environ) - {"PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE"}
    assert not names, names


def owner_of_signals():
    a, _ = socket.socketpair()
    fcntl.fcntl(a, fcntl.F_SETOWN, host)


def processes():
    pid = os.fork()
    if pid == 0:
        os.kill(os.getppid(), 0)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


X = os.uname().machine == "x86_64"
NR = dict(ptrace=101, unshare=272, setns=308, mount=165, chroot=161, keyctl=250, shmget=29,
          perf=298, vm_read=310, mq_open=240, inotify_add=254, by_handle=304, syslog=103,
          swapon=167, kexec=246, seccomp=317, prlimit=302, affinity=203, priority=141,
          userfault=323, bpf=321, fchmodat=268, setxattr=188, kcmp=312) if X else dict(
          ptrace=117, unshare=97, setns=268, mount=40, chroot=51, keyctl=219, shmget=194,
          perf=241, vm_read=270, mq_open=180, inotify_add=27, by_handle=265, syslog=116,
          swapon=224, kexec=104, seccomp=277, prlimit=261, affinity=122, priority=140,
          userfault=282, bpf=280, fchmodat=53, setxattr=5, kcmp=272)
CSTR = ctypes.c_char_p
buffer = ctypes.create_string_buffer(256)

CASES = [
    ("no-descriptors", no_descriptors),
    ("write-outside", lambda: write(out + "/new")),
    ("read-outside", lambda: read(out + "/secret")),
    ("append-outside", lambda: write(out + "/secret", flags=os.O_WRONLY | os.O_APPEND)),
    ("truncate-outside", lambda: os.truncate(out + "/secret", 0)),
    ("unlink-outside", lambda: os.unlink(out + "/victim")),
    ("mkdir-outside", lambda: os.mkdir(out + "/made")),
    ("symlink-outside", lambda: os.symlink("x", out + "/made-link")),
    ("fifo-outside", lambda: os.mkfifo(out + "/made-fifo")),
    ("list-outside", lambda: os.listdir(out)),
    ("list-root", lambda: os.listdir("/")),
    ("rename-out", lambda: os.rename(ws + "/src/a", out + "/a")),
    ("rename-in", lambda: os.rename(out + "/victim2", ws + "/src/victim2")),
    ("link-in", lambda: os.link(out + "/secret", ws + "/src/hard")),
    ("read-through-link", through_link),
    ("write-through-link", through_directory_link),
    ("dot-dot", lambda: read(ws + "/src/../../" + os.path.basename(out) + "/secret")),
    ("chmod-outside", lambda: os.chmod(out + "/secret", 0o777)),
    ("chmod-through-link", link_mode),
    ("chmod-descriptor", descriptor_mode),
    ("chown-outside", lambda: os.chown(out + "/secret", os.getuid(), os.getgid())),
    ("utime-outside", lambda: os.utime(out + "/secret", (0, 0))),
    ("xattr-outside", lambda: call(NR["setxattr"], CSTR((out + "/secret").encode()), CSTR(b"user.x"), CSTR(b"1"), 1, 0)),
    ("attributes-of-a-program", flags_of_a_program),
    ("chmod-protected", lambda: os.chmod(ws + "/policies/x.yaml", 0o777)),
    ("chmod-root", lambda: os.chmod(ws, 0o700)),
    ("suid-later", suid),
    ("suid-at-once", lambda: write(ws + "/src/suid2", bits=0o4755)),
    ("device", lambda: os.mknod(ws + "/src/dev", 0o600 | 0o020000, os.makedev(1, 3))),
    ("protected-write", lambda: write(ws + "/policies/x.yaml")),
    ("protected-new", lambda: write(ws + "/policies/new.yaml")),
    ("protected-absent", lambda: write(ws + "/.env")),
    ("protected-absent-link", lambda: os.symlink("src", ws + "/.env")),
    ("protected-rename", lambda: os.rename(ws + "/policies", ws + "/src/policies")),
    ("protected-swap", lambda: os.rename(ws + "/src/other", ws + "/policies")),
    ("protected-link", lambda: os.link(ws + "/policies/x.yaml", ws + "/src/x.yaml")),
    ("protected-hook", lambda: write(ws + "/.git/hooks/pre-commit")),
    ("new-name-beside-protected", lambda: write(ws + "/new.txt")),
    ("root-environ", lambda: read("/proc/1/environ")),
    ("host-environ", lambda: read("/proc/%d/environ" % host)),
    ("host-memory", lambda: os.open("/proc/%d/mem" % host, os.O_RDONLY)),
    ("host-root", lambda: os.listdir("/proc/%d/root" % host)),
    ("own-environ", lambda: read("/proc/self/environ")),
    ("list-proc", lambda: os.listdir("/proc")),
    ("write-sysctl", lambda: write("/proc/sys/vm/overcommit_memory", "0", os.O_WRONLY)),
    ("raw-disk", lambda: os.open("/dev/vda", os.O_RDONLY)),
    ("shared-memory-file", lambda: write("/dev/shm/bailiwick-test-" + str(os.getpid()))),
    ("tcp", lambda: sock(socket.AF_INET, socket.SOCK_STREAM)),
    ("udp", lambda: sock(socket.AF_INET, socket.SOCK_DGRAM)),
    ("raw", lambda: sock(socket.AF_INET, socket.SOCK_RAW, 1)),
    ("tcp6", lambda: sock(socket.AF_INET6, socket.SOCK_STREAM)),
    ("netlink", lambda: sock(socket.AF_NETLINK, socket.SOCK_RAW, 0)),
    ("packet", lambda: sock(17, socket.SOCK_RAW, 0)),
    ("vsock", lambda: sock(40, socket.SOCK_STREAM)),
    ("kernel-crypto", lambda: sock(38, socket.SOCK_SEQPACKET)),
    ("unix-datagram", lambda: sock(socket.AF_UNIX, socket.SOCK_DGRAM)),
    ("unix-raw", lambda: sock(socket.AF_UNIX, socket.SOCK_RAW)),
    ("unix-datagram-pair", pair_send),
    ("abstract-socket", lambda: reach("\0" + name_outside)),
    ("path-socket", lambda: reach(out + "/socket")),
    ("ptrace", lambda: call(NR["ptrace"], 0x4206, host, 0, 0)),
    ("read-memory", lambda: call(NR["vm_read"], host, buffer, 0, buffer, 0, 0)),
    ("compare", lambda: call(NR["kcmp"], os.getpid(), host, 0, 0, 0)),
    ("steal-descriptor", lambda: call(438, os.pidfd_open(host), 0, 0)),
    ("signal-host", lambda: os.kill(host, 0)),
    ("signal-supervisor", lambda: os.kill(os.getppid(), 0)),
    ("signal-init", lambda: os.kill(1, 0)),
    ("limit-host", lambda: call(NR["prlimit"], host, 4, ctypes.create_string_buffer(b"\xff" * 16), 0)),
    ("renice-host", lambda: call(NR["priority"], 0, host, 0)),
    ("pin-host", lambda: call(NR["affinity"], host, 8, ctypes.create_string_buffer(b"\xff" * 8))),
    ("signal-owner", owner_of_signals),
    ("user-namespace", lambda: call(NR["unshare"], 0x10000000)),
    ("mount-namespace", lambda: call(NR["unshare"], 0x00020000)),
    ("clone-namespace", lambda: call(56 if X else 220, 0x10000000 | 17, 0, 0, 0, 0)),
    ("enter-namespace", lambda: call(NR["setns"], 0, 0)),
    ("mount", lambda: call(NR["mount"], 0, 0, 0, 0, 0)),
    ("new-mount", lambda: call(430, 0, 0)),
    ("chroot", lambda: call(NR["chroot"], 0)),
    ("io-uring", lambda: call(425, 1, buffer)),
    ("bpf", lambda: call(NR["bpf"], 0, 0, 0)),
    ("perf", lambda: call(NR["perf"], 0, 0, 0, 0, 0)),
    ("userfaultfd", lambda: call(NR["userfault"], 1)),
    ("keys", lambda: call(NR["keyctl"], 0, -3, 0)),
    ("kernel-log", lambda: call(NR["syslog"], 10, 0, 0)),
    ("swap", lambda: call(NR["swapon"], 0, 0)),
    ("kexec", lambda: call(NR["kexec"], 0, 0, 0, 0)),
    ("handles", lambda: call(NR["by_handle"], 0, 0, 0)),
    ("shared-memory", lambda: call(NR["shmget"], 0, 4096, 0o1600)),
    ("message-queue", lambda: call(NR["mq_open"], 0, 0, 0, 0)),
    ("watch-files", lambda: call(NR["inotify_add"], 0, 0, 0)),
    ("own-listener", lambda: call(NR["seccomp"], 1, 8, 0)),
    ("clone3", lambda: call(435, 0, 0)),
    ("openat2", lambda: call(437, 0, 0, 0, 0)),
    ("unknown-call", lambda: call(467, 0, 0, 0, 0)),
    ("become-other", lambda: os.setuid(65533 if os.getuid() == 0 else 0)),
    ("no-environment", no_environment),
    ("works-write", lambda: write(ws + "/src/new")),
    ("works-overwrite-top", lambda: write(ws + "/README.md")),
    ("works-scratch", lambda: write(os.environ["TMPDIR"] + "/x")),
    ("works-mode", own_mode),
    ("works-mode-threads", own_mode_threads),
    ("works-pair", pair_works),
    ("works-fork", processes),
    ("works-null", lambda: write("/dev/null")),
    ("works-random", lambda: os.open("/dev/urandom", os.O_RDONLY)),
]

CONTROL = {
    "write-outside", "read-outside", "append-outside", "list-outside", "list-root", "mkdir-outside",
    "chmod-outside", "chown-outside", "utime-outside", "read-through-link", "suid-later",
    "suid-at-once", "host-environ", "own-environ", "list-proc", "tcp", "udp", "netlink",
    "unix-datagram", "abstract-socket", "path-socket", "signal-host", "signal-supervisor",
    "renice-host", "protected-write", "protected-absent", "new-name-beside-protected",
    "shared-memory", "pin-host",
}

for name, attempt in CASES:
    if mode == "control" and name not in CONTROL:
        continue
    try:
        attempt()
        verdict = "ok"
    except OSError as error:
        verdict = errno.errorcode.get(error.errno, str(error.errno))
    except AssertionError as error:
        verdict = "assertion %s" % error
    print(name, verdict, flush=True)
