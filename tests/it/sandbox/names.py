"""Tries to make names that must not appear, in the working directory and its `src`.

Prints one line a case: its name, then `ok` or the name of the error. Protected: `.env`, `policies`,
`config`, `.git/hooks`, `.git/config`. There are `.git/`, `src/`, `src/link -> ..` and
`src/dangling -> ../.env`.
"""
import ctypes, errno, os, sys, threading

libc = ctypes.CDLL(None, use_errno=True)
ROOT = os.getcwd()
CWD, FOLLOW, EMPTY, EXCHANGE, NOREPLACE, WHITEOUT = -100, 0x400, 0x1000, 2, 1, 4


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def path(text):
    return ctypes.c_char_p(text.encode())


def renameat2(a, b, flags):
    check(libc.renameat2(CWD, path(a), CWD, path(b), flags))


def linkat(fd, name, to, flags):
    check(libc.linkat(fd, path(name), CWD, path(to), flags))


def create(name, flags=0):
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | flags, 0o644))


def file(name):
    create(name)
    return name


def directory(name):
    os.mkdir(name)
    return name


def from_below(way):
    back = os.getcwd()
    os.chdir("src")
    try:
        way()
    finally:
        os.chdir(back)


def by_directory(name):
    fd = os.open("src/..", os.O_RDONLY)
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
    finally:
        os.close(fd)


def nameless(to, by):
    fd = os.open("src", os.O_TMPFILE | os.O_WRONLY, 0o644)
    try:
        if by == "descriptor":
            linkat(fd, "", to, EMPTY)
        else:
            linkat(CWD, f"/proc/self/fd/{fd}", to, FOLLOW)
    finally:
        os.close(fd)


def raw(number, *args):
    check(libc.syscall(ctypes.c_long(number), *args))


def old_calls():
    if os.uname().machine != "x86_64":
        return []
    word = ctypes.c_long
    return [
        ("open", lambda: raw(2, path(".env"), word(os.O_CREAT | os.O_WRONLY), word(0o644))),
        ("creat", lambda: raw(85, path(".env"), word(0o644))),
        ("mkdir", lambda: raw(83, path("policies"), word(0o755))),
        ("mknod", lambda: raw(133, path(".env"), word(0o10644), word(0))),
        ("symlink", lambda: raw(88, path("src"), path("policies"))),
        ("link", lambda: raw(86, path(file("src/l1")), path(".env"))),
        ("rename", lambda: raw(82, path(file("src/r1")), path(".env"))),
        ("upper-half", lambda: raw(2, path(".env"), word(1 << 40 | os.O_CREAT), word(0o644))),
    ]


def moved_parent():
    """A tree that holds the name is made elsewhere and moved to its place."""
    os.makedirs("src/g/hooks")
    os.rename(".git", "src/old")
    os.rename("src/g", ".git")


def replaced_parent():
    os.makedirs("src/h/hooks", exist_ok=True)
    os.rmdir(".git")
    try:
        os.rename("src/h", ".git")
    finally:
        os.mkdir(".git")


def race():
    """Threads move directories while others create in them."""
    os.makedirs("src/race/a")
    os.symlink("../..", "src/race/up")
    stop = []

    def swap():
        while not stop:
            for a, b in (("a", "b"), ("up", "a"), ("a", "up"), ("b", "a")):
                try:
                    os.rename("src/race/" + a, "src/race/" + b)
                except OSError:
                    pass

    movers = [threading.Thread(target=swap) for _ in range(2)]
    [mover.start() for mover in movers]
    for turn in range(1000):
        name = (".env", "policies", ".git/hooks")[turn % 3]
        for way in ("a", "up"):
            try:
                create(f"src/race/{way}/{name}")
            except OSError:
                pass
    stop.append(1)
    [mover.join() for mover in movers]
    found = [name for name in (".env", "policies", ".git/hooks") if os.path.lexists(name)]
    assert not found, found
    raise OSError(errno.EROFS, "")


CASES = [(".".join(("direct", name)), lambda name=name: create(name))
         for name in (".env", "policies", "config", ".git/hooks", ".git/config")] + [
    ("excl", lambda: create(".env", os.O_EXCL)),
    ("trunc", lambda: create(".env", os.O_TRUNC)),
    ("nofollow", lambda: create(".env", os.O_NOFOLLOW)),
    ("absolute", lambda: create(ROOT + "/.env")),
    ("slashes", lambda: create(ROOT + "//.//.env")),
    ("dot-dot", lambda: create("src/../.env")),
    ("from-below", lambda: from_below(lambda: create("../.env"))),
    ("directory-descriptor", lambda: by_directory(".env")),
    ("linked-directory", lambda: create("src/link/.env")),
    ("dangling-link", lambda: create("src/dangling")),
    ("new-dangling-link", lambda: (os.symlink(ROOT + "/config", "src/d2"), create("src/d2"))),
    ("chain-of-links", lambda: (os.symlink("dangling", "src/d3"), create("src/d3"))),
    ("process-root", lambda: create("/proc/self/root" + ROOT + "/.env")),
    ("process-directory", lambda: create("/proc/self/cwd/.env")),
    ("thread-directory", lambda: create("/proc/thread-self/cwd/.env")),
    ("other-case", lambda: create(".ENV")),
    ("other-case-directory", lambda: os.mkdir("Policies")),
    ("long-s", lambda: create("policie\u017f")),
    ("invisible-letter", lambda: create("con\u200dfig")),
    ("mkdir", lambda: os.mkdir("policies")),
    ("mkdir-slash", lambda: os.mkdir("policies/")),
    ("mkdir-hooks", lambda: os.mkdir(".git/hooks")),
    ("fifo", lambda: os.mkfifo(".env")),
    ("node", lambda: os.mknod("config")),
    ("symlink", lambda: os.symlink("src", "policies")),
    ("symlink-above", lambda: (os.rmdir(".git"), os.symlink("src", ".git"))),
    ("file-above", lambda: create(".git")),
    ("directory-above", lambda: os.mkdir(".git")),
    ("hard-link", lambda: os.link(file("src/h1"), ".env")),
    ("hard-link-dangling", lambda: os.link("src/dangling", ".env", follow_symlinks=False)),
    ("rename", lambda: os.rename(file("src/r2"), ".env")),
    ("rename-directory", lambda: os.rename(directory("src/p"), "policies")),
    ("rename-slash", lambda: os.rename(directory("src/q"), "policies/")),
    ("rename-above", lambda: os.rename(directory("src/g2"), ".git")),
    ("rename-away", lambda: os.rename(".git", "src/away")),
    ("rename-away-case", lambda: os.rename(".git", ".GIT")),
    ("moved-parent", moved_parent),
    ("replaced-parent", replaced_parent),
    ("exchange", lambda: renameat2(directory("src/e1"), ".git", EXCHANGE)),
    ("exchange-back", lambda: renameat2(".git", directory("src/e2"), EXCHANGE)),
    ("noreplace", lambda: renameat2(file("src/e3"), ".env", NOREPLACE)),
    ("whiteout", lambda: renameat2(file("src/e4"), "src/e5", WHITEOUT)),
    ("root-away", lambda: (os.rename(ROOT, ROOT + "-away"), os.rename(ROOT + "-away", ROOT))),
    ("nameless-descriptor", lambda: nameless(".env", "descriptor")),
    ("nameless-link", lambda: nameless(".env", "link")),
    ("race", race),
] + [("old-" + name, way) for name, way in old_calls()]

for name, way in CASES:
    try:
        way()
        verdict = "ok"
    except OSError as error:
        verdict = errno.errorcode.get(error.errno, str(error.errno))
    except AssertionError as error:
        verdict = f"found {error}"
    print(name, verdict, flush=True)
