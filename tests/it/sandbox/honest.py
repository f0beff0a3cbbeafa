"""What programs do all day, in the working directory: every answer must be the kernel's own.

Prints nothing when all is well. Run with and without walls.
"""
import errno, fcntl, os, select, stat, subprocess, sys, threading

W, R, RW, C = os.O_WRONLY, os.O_RDONLY, os.O_RDWR, os.O_CREAT


def error(way):
    try:
        way()
    except OSError as found:
        return errno.errorcode[found.errno]
    return "ok"


def opens(name, flags, mode=0o666):
    return error(lambda: os.close(os.open(name, flags, mode)))


def expect(found, wanted):
    if found != wanted:
        line = sys._getframe(1).f_lineno
        print(f"line {line}: found {found}, not {wanted}")


def write(name, text, flags=W | C | os.O_TRUNC, mode=0o666):
    fd = os.open(name, flags, mode)
    os.write(fd, text)
    os.close(fd)


def read(name):
    with open(name, "rb") as file:
        return file.read()


# Modes and masks.
for mask in (0o077, 0o022, 0):
    os.umask(mask)
    write(f"mask{mask}", b"x")
    os.mkdir(f"masked{mask}", 0o777)
    os.mkfifo(f"fifo{mask}", 0o666)
    expect(os.stat(f"mask{mask}").st_mode & 0o777, 0o666 & ~mask)
    expect(os.stat(f"masked{mask}").st_mode & 0o777, 0o777 & ~mask)
    expect(os.stat(f"fifo{mask}").st_mode & 0o777, 0o666 & ~mask)
os.umask(0o022)
fd = os.open("readonly-new", RW | C, 0o400)
expect(os.write(fd, b"x"), 1)
os.close(fd)

# Flags.
write("f", b"abc")
write("f", b"def", W | C | os.O_APPEND)
expect(read("f"), b"abcdef")
write("f", b"x", W | C)
expect(read("f"), b"xbcdef")
write("f", b"y")
expect(read("f"), b"y")
expect(opens("f", W | C | os.O_EXCL), "EEXIST")
expect(opens("lock", W | C | os.O_EXCL), "ok")
fd = os.open("close", W | C | os.O_CLOEXEC)
expect(fcntl.fcntl(fd, fcntl.F_GETFD), fcntl.FD_CLOEXEC)
expect(fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_NONBLOCK | os.O_APPEND), W)
os.close(fd)
libc = __import__("ctypes").CDLL(None, use_errno=True)
fd = libc.open(b"stay", W | C | os.O_APPEND | os.O_NONBLOCK, 0o644)
expect(fcntl.fcntl(fd, fcntl.F_GETFD), 0)
expect(fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND), os.O_NONBLOCK | os.O_APPEND)
os.close(fd)
expect(opens("f", R | C | os.O_DIRECTORY), "EINVAL")
expect(opens("new", getattr(os, "O_PATH", 0) | C), "ENOENT")

# Names that are none.
os.mkdir("d")
for name, wanted in ((".", "EISDIR"), ("..", "EISDIR"), ("d", "EISDIR"), ("d/", "EISDIR"), ("n/", "EISDIR"),
                     ("", "ENOENT"), ("no/x", "ENOENT"), ("f/x", "ENOTDIR"), ("/", "EISDIR"),
                     ("x" * 256, "ENAMETOOLONG"), ("d/" * 2100, "ENAMETOOLONG")):
    expect((name[:9], opens(name, R | C)), (name[:9], wanted))
expect(opens(".", R | C | os.O_EXCL), "EEXIST")
for name, wanted in ((".", "EEXIST"), ("d", "EEXIST"), ("d/", "EEXIST"), ("", "ENOENT"), ("no/x", "ENOENT"),
                     ("/", "EEXIST"), ("f", "EEXIST"), ("f/x", "ENOTDIR"), ("d/e/", "ok")):
    expect((name, error(lambda: os.mkdir(name))), (name, wanted))
expect(error(lambda: os.mknod("n/")), "ENOENT")
expect(error(lambda: os.symlink("f", "n/")), "ENOENT")
expect(error(lambda: os.symlink("", "s")), "ENOENT")
expect(error(lambda: os.symlink("f", "f")), "EEXIST")
expect(error(lambda: os.link("d", "dd")), "EPERM")
expect(error(lambda: os.link("none", "dd")), "ENOENT")
expect(error(lambda: os.rename(".", "dd")), "EBUSY")
expect(error(lambda: os.rename("none", "dd")), "ENOENT")
expect(error(lambda: os.rename("d", "d/sub")), "EINVAL")
expect(error(lambda: os.rename("f", "d")), "EISDIR")
expect(error(lambda: os.rename("d", "f")), "ENOTDIR")
expect(error(lambda: os.rename("f", "g/")), "ENOTDIR")
expect(error(lambda: os.mkdir("d2/")), "ok")
expect(error(lambda: os.rename("d2/", "d3/")), "ok")

# Links.
os.symlink("f", "to-f")
os.symlink("not-yet", "to-new")
os.symlink("loop2", "loop1")
os.symlink("loop1", "loop2")
expect(opens("to-f", W | C | os.O_NOFOLLOW), "ELOOP")
expect(opens("to-f", W | C | os.O_EXCL), "EEXIST")
expect(opens("to-new", W | C | os.O_EXCL), "EEXIST")
expect(opens("to-new", W | C), "ok")
expect(os.path.exists("not-yet"), True)
expect(opens("loop1", W | C), "ELOOP")
os.symlink("d/", "to-slash")
expect(opens("to-slash", R | C), "EISDIR")
os.link("to-f", "hard-link-of-link", follow_symlinks=False)
expect(os.readlink("hard-link-of-link"), "f")
os.link("f", "hard")
expect(os.stat("hard").st_nlink, 2)
expect(error(lambda: os.rename("hard", "harder")), "ok")
tmp = os.open("d", os.O_TMPFILE | W, 0o640)
os.write(tmp, b"nameless")
expect(libc.linkat(-100, f"/proc/self/fd/{tmp}".encode(), -100, b"named", 0x400), 0)
expect(read("named"), b"nameless")
os.close(tmp)

# Relative to a directory, and to a working directory that another thread has not.
fd = os.open("d", R)
os.close(os.open("below", W | C, 0o644, dir_fd=fd))
os.mkdir("deep", dir_fd=fd)
expect(sorted(os.listdir("d")), ["below", "deep", "e"])
expect(error(lambda: os.open("x", W | C, dir_fd=99)), "EBADF")
os.close(fd)
fd = os.open("f", R)
expect(error(lambda: os.open("x", W | C, dir_fd=fd)), "ENOTDIR")
os.close(fd)
gone = os.getcwd() + "/gone"
os.mkdir(gone)
fd = os.open(gone, R)
os.rmdir(gone)
expect(error(lambda: os.open("x", W | C, dir_fd=fd)), "ENOENT")
os.close(fd)

# A process's own descriptors.
fd = os.open("own", RW | C, 0o644)
write(f"/proc/self/fd/{fd}", b"through a name")
write(f"/dev/fd/{fd}", b"T", W | C)
expect(read("own"), b"Through a name")
os.close(fd)
expect(opens("/proc/self/fd/77", W | C), "ENOENT")
expect(opens("/proc/self/cwd/by-cwd", W | C), "ok")
r, w = os.pipe()
write(f"/dev/fd/{w}", b"into a pipe", W | C)
expect(os.read(r, 99), b"into a pipe")
os.close(r), os.close(w)

# Devices.
write("/dev/null", b"x", W | C | os.O_TRUNC)
fd = os.open("/dev/null", W | C)
expect(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
os.close(fd)

# FIFOs wait for each other and keep nobody else from working.
os.mkfifo("pipe")
expect(opens("pipe", W | C | os.O_NONBLOCK), "ENXIO")
for writer, reader in ((W | C, R), (W, R | C), (W | C, R | C)):
    got = []
    def take():
        fd = os.open("pipe", reader, 0o644)
        got.append(os.read(fd, 99))
        os.close(fd)
    thread = threading.Thread(target=take)
    thread.start()
    write("aside", b"meanwhile")
    select.select([], [], [], 0.05)
    write("pipe", b"hello", writer)
    thread.join()
    expect(got, [b"hello"])
waiting = subprocess.Popen(["sh", "-c", "echo late > pipe"])
write("aside", b"while it waits")
select.select([], [], [], 0.05)
expect(waiting.poll(), None)
expect(read("pipe"), b"late\n")
expect(waiting.wait(), 0)
waiting = subprocess.Popen(["sh", "-c", "echo never > pipe"])
select.select([], [], [], 0.05)
waiting.kill()
expect(waiting.wait(), -9)

# Many at once.
def many(part):
    for number in range(100):
        write(f"d/{part}-{number}", b"x", W | C | os.O_EXCL)
        os.rename(f"d/{part}-{number}", f"d/{part}+{number}")
threads = [threading.Thread(target=many, args=(part,)) for part in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
expect(len([name for name in os.listdir("d") if "+" in name]), 400)

# Refused outside, but what is there is told as ever.
expect(error(lambda: os.makedirs("/usr/bin", exist_ok=True)), "ok")
expect(error(lambda: os.mkdir("/usr")), "EEXIST")
