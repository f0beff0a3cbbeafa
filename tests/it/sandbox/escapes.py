"""Tries to get out. Prints one line a case, its parts separated by tabs: the name, the family, `ok` or
the name of the error, and what was seen where an attempt succeeded and saw something.

Arguments: a directory outside, the workspace, the id of a process outside, `cell` or `control`,
and the abstract name of a socket outside. Everything outside may not exist at all.
"""
import ctypes, errno, fcntl, os, signal, socket, struct, sys, time

out, ws, host, mode, name_outside = *sys.argv[1:3], int(sys.argv[3]), *sys.argv[4:6]
parent = os.getppid()
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


def exchange(a, b):
    """Swaps two names at once: `renameat2` with RENAME_EXCHANGE."""
    call(316 if X else 276, -100, CSTR(a.encode()), -100, CSTR(b.encode()), 2)


def racing(inside, target, attempt, rounds=1500):
    """Runs `attempt` on a name that another process turns between `inside` and a link to `target`.

    Without walls it goes on until it wins, since there it must; a busy machine may need long for that.
    """
    flip, link = inside + "-flip", inside + "-link"
    os.rename(inside, flip)
    os.symlink(target, link)
    swapper = os.fork()
    if swapper == 0:
        try:
            while True:
                exchange(flip, link)
        finally:
            os._exit(1)
    last = PermissionError(errno.EACCES, "")
    try:
        end = time.monotonic() + (30 if mode == "control" else 0.2)
        while rounds > 0 or time.monotonic() < end:
            rounds -= 1
            try:
                attempt(flip)
            except OSError as error:
                last = error
                os.sched_yield()
                continue
            return
    finally:
        os.kill(swapper, signal.SIGKILL)
        os.waitpid(swapper, 0)
    raise last


def race_read():
    os.mkdir(ws + "/src/race")
    write(ws + "/src/race/secret", "inside")
    def attempt(flip):
        if read(flip + "/secret") == b"inside":
            raise PermissionError(errno.EACCES, "")
    racing(ws + "/src/race", out, attempt)


def race_write():
    os.mkdir(ws + "/src/race2")
    write(ws + "/src/race2/x.yaml", "inside")
    def attempt(flip):
        write(flip + "/x.yaml", "raced", os.O_WRONLY | os.O_TRUNC)
        if read(ws + "/policies/x.yaml") != b"raced":
            raise PermissionError(errno.EACCES, "")
    racing(ws + "/src/race2", ws + "/policies", attempt)


def race_mode():
    write(ws + "/src/race3")
    def attempt(flip):
        os.chmod(flip, 0o751)
        if os.stat(out + "/victim3").st_mode & 0o777 != 0o751:
            raise PermissionError(errno.EACCES, "")
    racing(ws + "/src/race3", out + "/victim3", attempt)


def every_family():
    """Every family and kind of socket but those of this machine's own files."""
    last = None
    for family in range(2, 46):
        for kind in (1, 2, 3, 5):
            try:
                sock(family, kind, 255 if kind == 3 and family == 2 else 0)
                return str(family)
            except OSError as error:
                if last is None or error.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
                    last = error
    raise last


def outward(kind, port):
    """Reaching an address that would answer outside: a connection, or a question to a name server."""
    s = socket.socket(socket.AF_INET, kind)
    s.settimeout(1)
    s.connect(("192.0.2.1", port))
    s.send(b"\0" * 12)


def listed_processes():
    """Every process that can be seen, by what it runs."""
    seen = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = read("/proc/%s/cmdline" % name).replace(b"\0", b" ").decode("utf8", "replace").split()
                # A verdict is one line; a command line may hold several.
                seen.append(" ".join(words))
            except OSError:
                seen.append("?")
    return " | ".join(seen)


def names(environ):
    return " ".join(part.split(b"=")[0].decode("utf8", "replace") for part in environ.split(b"\0") if part)


def trace_child():
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        call(NR["ptrace"], 0x4206, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def queued_signal():
    call(129 if X else 138, host, 0, ctypes.create_string_buffer(struct.pack("iii", 0, 0, -1), 128))


def protected_by_descriptor():
    directory = os.open(ws + "/policies", os.O_RDONLY)
    os.close(os.open("x.yaml", os.O_WRONLY, dir_fd=directory))


def only_open(path, flags=os.O_WRONLY):
    """Nothing is written: in a control without walls that would do harm."""
    os.close(os.open(path, flags))


def name_of_a_host():
    try:
        socket.getaddrinfo("example.com", 80)
    except socket.gaierror:
        raise OSError(errno.EHOSTUNREACH, "")


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
    ("descriptors", "no-descriptors", no_descriptors),
    ("files", "write-outside", lambda: write(out + "/new")),
    ("files", "read-outside", lambda: read(out + "/secret")),
    ("files", "append-outside", lambda: write(out + "/secret", flags=os.O_WRONLY | os.O_APPEND)),
    ("files", "truncate-outside", lambda: os.truncate(out + "/secret", 0)),
    ("files", "unlink-outside", lambda: os.unlink(out + "/victim")),
    ("files", "mkdir-outside", lambda: os.mkdir(out + "/made")),
    ("links", "symlink-outside", lambda: os.symlink("x", out + "/made-link")),
    ("files", "fifo-outside", lambda: os.mkfifo(out + "/made-fifo")),
    ("files", "list-outside", lambda: os.listdir(out)),
    ("files", "list-root", lambda: " ".join(os.listdir("/"))),
    ("files", "rename-out", lambda: os.rename(ws + "/src/a", out + "/a")),
    ("files", "rename-in", lambda: os.rename(out + "/victim2", ws + "/src/victim2")),
    ("links", "link-in", lambda: os.link(out + "/secret", ws + "/src/hard")),
    ("links", "read-through-link", through_link),
    ("links", "write-through-link", through_directory_link),
    ("files", "dot-dot", lambda: read(ws + "/src/../../" + os.path.basename(out) + "/secret")),
    ("files", "chmod-outside", lambda: os.chmod(out + "/secret", 0o777)),
    ("links", "chmod-through-link", link_mode),
    ("files", "chmod-descriptor", descriptor_mode),
    ("files", "chown-outside", lambda: os.chown(out + "/secret", os.getuid(), os.getgid())),
    ("files", "utime-outside", lambda: os.utime(out + "/secret", (0, 0))),
    ("files", "xattr-outside", lambda: call(NR["setxattr"], CSTR((out + "/secret").encode()), CSTR(b"user.x"), CSTR(b"1"), 1, 0)),
    ("files", "attributes-of-a-program", flags_of_a_program),
    ("control files", "chmod-protected", lambda: os.chmod(ws + "/policies/x.yaml", 0o777)),
    ("files", "chmod-root", lambda: os.chmod(ws, 0o700)),
    ("files", "suid-later", suid),
    ("files", "suid-at-once", lambda: write(ws + "/src/suid2", bits=0o4755)),
    ("files", "device", lambda: os.mknod(ws + "/src/dev", 0o600 | 0o020000, os.makedev(1, 3))),
    ("control files", "protected-write", lambda: write(ws + "/policies/x.yaml")),
    ("control files", "protected-new", lambda: write(ws + "/policies/new.yaml")),
    ("control files", "protected-absent", lambda: write(ws + "/.env")),
    ("control files", "protected-absent-link", lambda: os.symlink("src", ws + "/.env")),
    ("control files", "protected-rename", lambda: os.rename(ws + "/policies", ws + "/src/policies")),
    ("control files", "protected-swap", lambda: os.rename(ws + "/src/other", ws + "/policies")),
    ("control files", "protected-link", lambda: os.link(ws + "/policies/x.yaml", ws + "/src/x.yaml")),
    ("control files", "protected-hook", lambda: write(ws + "/.git/hooks/pre-commit")),
    ("control files", "new-name-beside-protected", lambda: write(ws + "/new.txt")),
    ("proc", "root-environ", lambda: names(read("/proc/1/environ"))),
    ("proc", "host-environ", lambda: read("/proc/%d/environ" % host)),
    ("proc", "host-memory", lambda: os.open("/proc/%d/mem" % host, os.O_RDONLY)),
    ("proc", "host-root", lambda: os.listdir("/proc/%d/root" % host)),
    ("proc", "own-environ", lambda: names(read("/proc/self/environ"))),
    ("proc", "list-proc", listed_processes),
    ("proc", "write-sysctl", lambda: write("/proc/sys/vm/overcommit_memory", "0", os.O_WRONLY)),
    ("files", "raw-disk", lambda: os.open("/dev/vda", os.O_RDONLY)),
    ("files", "shared-memory-file", lambda: write("/dev/shm/bailiwick-test-" + str(os.getpid()))),
    ("sockets", "tcp", lambda: sock(socket.AF_INET, socket.SOCK_STREAM)),
    ("sockets", "udp", lambda: sock(socket.AF_INET, socket.SOCK_DGRAM)),
    ("sockets", "raw", lambda: sock(socket.AF_INET, socket.SOCK_RAW, 1)),
    ("sockets", "tcp6", lambda: sock(socket.AF_INET6, socket.SOCK_STREAM)),
    ("sockets", "netlink", lambda: sock(socket.AF_NETLINK, socket.SOCK_RAW, 0)),
    ("sockets", "packet", lambda: sock(17, socket.SOCK_RAW, 0)),
    ("sockets", "vsock", lambda: sock(40, socket.SOCK_STREAM)),
    ("sockets", "kernel-crypto", lambda: sock(38, socket.SOCK_SEQPACKET)),
    ("sockets", "unix-datagram", lambda: sock(socket.AF_UNIX, socket.SOCK_DGRAM)),
    ("sockets", "unix-raw", lambda: sock(socket.AF_UNIX, socket.SOCK_RAW)),
    ("sockets", "unix-datagram-pair", pair_send),
    ("sockets", "abstract-socket", lambda: reach("\0" + name_outside)),
    ("sockets", "path-socket", lambda: reach(out + "/socket")),
    ("tracing", "ptrace", lambda: call(NR["ptrace"], 0x4206, host, 0, 0)),
    ("tracing", "read-memory", lambda: call(NR["vm_read"], host, buffer, 0, buffer, 0, 0)),
    ("tracing", "compare", lambda: call(NR["kcmp"], os.getpid(), host, 0, 0, 0)),
    ("tracing", "steal-descriptor", lambda: call(438, os.pidfd_open(host), 0, 0)),
    ("signals", "signal-host", lambda: os.kill(host, 0)),
    ("signals", "signal-supervisor", lambda: os.kill(parent, 0)),
    ("signals", "signal-init", lambda: os.kill(1, 0)),
    ("signals", "limit-host", lambda: call(NR["prlimit"], host, 4, ctypes.create_string_buffer(b"\xff" * 16), 0)),
    ("signals", "renice-host", lambda: call(NR["priority"], 0, host, 0)),
    ("signals", "pin-host", lambda: call(NR["affinity"], host, 8, ctypes.create_string_buffer(b"\xff" * 8))),
    ("signals", "signal-owner", owner_of_signals),
    ("namespaces", "user-namespace", lambda: call(NR["unshare"], 0x10000000)),
    ("namespaces", "mount-namespace", lambda: call(NR["unshare"], 0x00020000)),
    ("namespaces", "clone-namespace", lambda: call(56 if X else 220, 0x10000000 | 17, 0, 0, 0, 0)),
    ("namespaces", "enter-namespace", lambda: call(NR["setns"], 0, 0)),
    ("namespaces", "mount", lambda: call(NR["mount"], 0, 0, 0, 0, 0)),
    ("namespaces", "new-mount", lambda: call(430, 0, 0)),
    ("namespaces", "chroot", lambda: call(NR["chroot"], 0)),
    ("io_uring", "io-uring", lambda: call(425, 1, buffer)),
    ("kernel", "bpf", lambda: call(NR["bpf"], 0, 0, 0)),
    ("kernel", "perf", lambda: call(NR["perf"], 0, 0, 0, 0, 0)),
    ("kernel", "userfaultfd", lambda: call(NR["userfault"], 1)),
    ("kernel", "keys", lambda: call(NR["keyctl"], 0, -3, 0)),
    ("kernel", "kernel-log", lambda: call(NR["syslog"], 10, 0, 0)),
    ("kernel", "swap", lambda: call(NR["swapon"], 0, 0)),
    ("kernel", "kexec", lambda: call(NR["kexec"], 0, 0, 0, 0)),
    ("files", "handles", lambda: call(NR["by_handle"], 0, 0, 0)),
    ("kernel", "shared-memory", lambda: call(NR["shmget"], 0, 4096, 0o1600)),
    ("kernel", "message-queue", lambda: call(NR["mq_open"], 0, 0, 0, 0)),
    ("files", "watch-files", lambda: call(NR["inotify_add"], 0, 0, 0)),
    ("tracing", "own-listener", lambda: call(NR["seccomp"], 1, 8, 0)),
    ("races", "race-read", race_read),
    ("races", "race-write-protected", race_write),
    ("races", "race-mode", race_mode),
    ("control files", "protected-truncate", lambda: os.truncate(ws + "/policies/x.yaml", 0)),
    ("control files", "protected-unlink", lambda: os.unlink(ws + "/policies/x.yaml")),
    ("control files", "protected-replace", lambda: (write(ws + "/src/r"), os.rename(ws + "/src/r", ws + "/policies/x.yaml"))),
    ("control files", "protected-by-descriptor", protected_by_descriptor),
    ("control files", "protected-through-proc", lambda: only_open("/proc/self/root" + ws + "/policies/x.yaml")),
    ("proc", "proc-root", lambda: " ".join(os.listdir("/proc/self/root/"))),
    ("proc", "program-file", lambda: only_open("/proc/self/exe")),
    ("proc", "core-pattern", lambda: only_open("/proc/sys/kernel/core_pattern")),
    ("proc", "kernel-memory", lambda: only_open("/proc/kcore", os.O_RDONLY)),
    ("proc", "sysrq", lambda: only_open("/proc/sysrq-trigger")),
    ("proc", "user-map", lambda: write("/proc/self/uid_map", "0 0 1", os.O_WRONLY)),
    ("proc", "never-out-of-memory", lambda: write("/proc/self/oom_score_adj", "-1000", os.O_WRONLY)),
    ("proc", "leave-control-group", lambda: only_open("/sys/fs/cgroup/cgroup.procs")),
    ("proc", "release-agent", lambda: only_open("/sys/fs/cgroup/memory/release_agent")),
    ("proc", "power", lambda: only_open("/sys/power/state")),
    ("sockets", "every-family", every_family),
    ("sockets", "connect-outward", lambda: outward(socket.SOCK_STREAM, 80)),
    ("sockets", "bus", lambda: reach("/run/dbus/system_bus_socket")),
    ("sockets", "docker", lambda: reach("/var/run/docker.sock")),
    ("DNS", "name", name_of_a_host),
    ("DNS", "question", lambda: outward(socket.SOCK_DGRAM, 53)),
    ("DNS", "resolver-socket", lambda: reach("/run/systemd/resolve/io.systemd.Resolve")),
    ("namespaces", "net-namespace", lambda: call(NR["unshare"], 0x40000000)),
    ("namespaces", "pid-namespace", lambda: call(NR["unshare"], 0x20000000)),
    ("namespaces", "ipc-namespace", lambda: call(NR["unshare"], 0x08000000)),
    ("namespaces", "uts-namespace", lambda: call(NR["unshare"], 0x04000000)),
    ("namespaces", "cgroup-namespace", lambda: call(NR["unshare"], 0x02000000)),
    ("namespaces", "time-namespace", lambda: call(NR["unshare"], 0x00000080)),
    ("namespaces", "unmount", lambda: call(166 if X else 39, CSTR(b"/proc"), 2)),
    ("namespaces", "pivot", lambda: call(155 if X else 41, CSTR(b"."), CSTR(b"."))),
    ("namespaces", "open-tree", lambda: call(428, -100, CSTR(b"/"), 1)),
    ("namespaces", "move-mount", lambda: call(429, -100, CSTR(b"/"), -100, CSTR(b"/"), 0)),
    ("namespaces", "host-name", lambda: call(170 if X else 161, CSTR(b"x"), 1)),
    ("tracing", "trace-child", trace_child),
    ("tracing", "trace-me", lambda: call(NR["ptrace"], 0, 0, 0, 0)),
    ("signals", "signal-group", lambda: os.killpg(host, 0)),
    ("signals", "signal-queue", queued_signal),
    ("io_uring", "io-uring-enter", lambda: call(426, 0, 0, 0, 0, 0, 0)),
    ("io_uring", "io-uring-register", lambda: call(427, 0, 0, 0, 0)),
    ("descriptors", "descriptors-of-host", lambda: os.listdir("/proc/%d/fd" % host)),
    ("namespaces", "clone3", lambda: call(435, 0, 0)),
    ("files", "openat2", lambda: call(437, 0, 0, 0, 0)),
    ("kernel", "unknown-call", lambda: call(467, 0, 0, 0, 0)),
    ("privileges", "become-other", lambda: os.setuid(65533 if os.getuid() == 0 else 0)),
    ("environment", "no-environment", no_environment),
    ("work", "works-write", lambda: write(ws + "/src/new")),
    ("work", "works-overwrite-top", lambda: write(ws + "/README.md")),
    ("work", "works-scratch", lambda: write(os.environ["TMPDIR"] + "/x")),
    ("work", "works-mode", own_mode),
    ("work", "works-mode-threads", own_mode_threads),
    ("work", "works-pair", pair_works),
    ("work", "works-fork", processes),
    ("work", "works-null", lambda: write("/dev/null")),
    ("work", "works-random", lambda: os.open("/dev/urandom", os.O_RDONLY)),
]

CONTROL = {
    "write-outside", "read-outside", "append-outside", "list-outside", "list-root", "mkdir-outside",
    "chmod-outside", "chown-outside", "utime-outside", "read-through-link", "suid-later",
    "suid-at-once", "host-environ", "own-environ", "list-proc", "tcp", "udp", "netlink",
    "unix-datagram", "abstract-socket", "path-socket", "signal-host", "signal-supervisor",
    "renice-host", "protected-write", "protected-absent", "new-name-beside-protected",
    "shared-memory", "pin-host", "race-read", "race-write-protected", "race-mode", "protected-truncate",
    "protected-by-descriptor", "protected-through-proc", "proc-root", "trace-child", "signal-queue",
    "descriptors-of-host", "every-family",
}

def tried(attempt):
    """The verdict on an attempt, and what it saw."""
    try:
        seen = attempt()
        return "ok", seen if isinstance(seen, str) else ""
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno)), ""
    except AssertionError as error:
        return "assertion", str(error)
    except Exception as error:
        return "exception", repr(error)


# Each attempt is a process of its own: one that gets into another namespace takes nobody with it.
for family, name, attempt in CASES:
    if mode == "control" and name not in CONTROL:
        continue
    child = os.fork()
    if child == 0:
        print(name, family, *tried(attempt), sep="\t", flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        print(name, family, "killed", "", sep="\t", flush=True)
