//! The system call filters: which calls fail, which kill, and which the supervisor answers.
//!
//! Most of them go up once, around the broker and all that comes from it: the gate, which kills what
//! speaks another architecture's numbers and hides calls that nobody reviewed, and three that fail calls
//! with one error each. The last goes up when the cell is made, or, where calls are answered, with the
//! command, since whoever answers for it needs what it takes away; it is short, because the kernel tries a
//! new filter with every call there is. The kernel runs all of them and takes the strictest verdict.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
    sock_filter,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::super::layers::{Layers, METADATA, SECCOMP};
use super::super::wire::Refusal;
use super::sys;
use super::syscalls::{
    ABSENT, ABSENT_LAST, ANSWERED, FORBIDDEN, FORBIDDEN_HERE, FORBIDDEN_LAST, NAMING, NETWORKING,
    NEWEST_REVIEWED, Naming, SYS_FCHMODAT2, UNSUPPORTED,
};
use crate::contracts::Network;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);

/// On x86-64 the bit that marks a call of the x32 interface, which the filters do not know.
const X32_BIT: u32 = 0x4000_0000;

/// Set-user-id and set-group-id.
const SET_ID_BITS: [u64; 2] = [0o4000, 0o2000];

/// Everything in a `clone` that makes a namespace.
const NAMESPACE_FLAGS: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// `ioctl` requests: typing into a terminal, and changing attributes of files through a
/// descriptor that was opened for reading.
const FORBIDDEN_REQUESTS: [u64; 8] = [
    0x5412,      // TIOCSTI
    0x541c,      // TIOCLINUX
    0x4008_6602, // FS_IOC_SETFLAGS
    0x4004_6602, // FS_IOC32_SETFLAGS
    0x401c_5820, // FS_IOC_FSSETXATTR
    0x4080_6685, // FS_IOC_ENABLE_VERITY
    0x800c_6613, // FS_IOC_SET_ENCRYPTION_POLICY
    0x8901,      // FIOSETOWN
];

/// `fcntl` commands: making others wait for a lease, watching a directory, and having the kernel
/// send a signal to any process.
const FORBIDDEN_COMMANDS: [i32; 4] =
    [libc::F_SETLEASE, libc::F_NOTIFY, libc::F_SETOWN, F_SETOWN_EX];
const F_SETOWN_EX: i32 = 15;

const PRIO_USER: u64 = 2;
const IOPRIO_WHO_USER: u64 = 3;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Fallible<T> = Result<T, seccompiler::BackendError>;

/// What a cell's filters depend on.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// Its network.
    pub network: Network,
    /// Whether the supervisor answers for changes of metadata; without a view of its own, a cell could
    /// change those of every file.
    pub answers_metadata: bool,
    /// Whether calls that make names are answered too.
    pub keeps_names: bool,
}

/// Filters, assembled.
#[derive(Debug)]
pub struct Filters {
    first: Vec<BpfProgram>,
    last: Vec<sock_filter>,
    listens: bool,
}

impl Filters {
    /// Assembles them, which takes longer than putting them up.
    pub fn assemble(needs: Needs) -> Result<Self, Refusal> {
        let missing = |error| Refusal::missing(SECCOMP, error);
        let mut first = vec![gate()];
        first.extend(programs(needs).map_err(missing)?);
        let last = last(needs)?;
        Ok(Self { first, last, listens: needs.answers_metadata || needs.keeps_names })
    }

    /// Puts up those that whoever makes the cell can live with itself.
    pub fn put_up_first(&self) -> Result<(), Refusal> {
        let missing = |error: seccompiler::Error| Refusal::missing(SECCOMP, error);
        self.first.iter().try_for_each(|program| apply_filter(program).map_err(missing))
    }

    /// Whether some calls are answered, by somebody who must not be behind the last filter.
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// Puts up the last one. The descriptor is where the calls arrive that want an answer, if any do.
    pub fn put_up_last(&self, layers: &mut Layers) -> Result<Option<OwnedFd>, Refusal> {
        let missing = |error| Refusal::missing(SECCOMP, format!("not the last filter: {error}"));
        let listener = sys::filter(&self.last, self.listens).map_err(missing)?;
        layers.enforce(SECCOMP);
        layers.enforce(METADATA);
        Ok(listener)
    }
}

fn programs(needs: Needs) -> Fallible<Vec<BpfProgram>> {
    let always = |calls: &[i64]| -> Rules { calls.iter().map(|n| (*n, Vec::new())).collect() };
    let mut forbidden = always(FORBIDDEN);
    forbidden.extend(always(FORBIDDEN_HERE));
    if needs.network == Network::None {
        forbidden.extend(always(NETWORKING));
    }
    forbidden.extend(conditional(needs)?);
    let filters = [
        (forbidden, libc::EPERM),
        (always(ABSENT), libc::ENOSYS),
        (always(UNSUPPORTED), libc::EOPNOTSUPP),
    ];
    filters
        .into_iter()
        .map(|(rules, errno)| {
            let verdict = SeccompAction::Errno(errno.unsigned_abs());
            SeccompFilter::new(rules, SeccompAction::Allow, verdict, ARCHITECTURE.0)?.try_into()
        })
        .collect()
}

/// Calls that are forbidden with some arguments.
fn conditional(needs: Needs) -> Fallible<Rules> {
    let mut rules = Conditional(Rules::new());
    match needs.network {
        Network::None => rules.pairs_only()?,
        Network::Loopback | Network::Proxy => rules.streams_only()?,
    }
    rules.set_id_files()?;
    if !needs.answers_metadata {
        rules.set_id_later()?;
    }
    rules.other_processes()?;
    for request in FORBIDDEN_REQUESTS {
        rules.forbid(libc::SYS_ioctl, [is(1, request)])?;
    }
    for command in FORBIDDEN_COMMANDS {
        rules.forbid(libc::SYS_fcntl, [is(1, bits(command))])?;
    }
    Ok(rules.0)
}

/// Rules under construction.
struct Conditional(Rules);

impl Conditional {
    /// The call fails when all conditions hold. Several rules of one call are alternatives.
    fn forbid<const N: usize>(
        &mut self,
        call: i64,
        conditions: [Fallible<SeccompCondition>; N],
    ) -> Fallible<()> {
        let conditions = conditions.into_iter().collect::<Fallible<Vec<_>>>()?;
        self.0.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok(())
    }

    /// Only connected pairs of unix sockets. Datagram sockets could send to any path, even from a
    /// pair (the address is in memory, where a filter cannot look); streams cannot.
    fn pairs_only(&mut self) -> Fallible<()> {
        let kinds = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(bits);
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            self.forbid(call, [is_not(0, bits(libc::AF_UNIX))])?;
            for kind in (0..16).filter(|kind| !kinds.contains(kind)) {
                self.forbid(call, [masked(1, 0xf, kind)])?;
            }
        }
        let address = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0);
        self.forbid(libc::SYS_sendto, [address])
    }

    /// TCP within the cell's own network, and connected pairs of unix sockets. No unix sockets with names:
    /// one in a granted directory may belong to a program outside.
    fn streams_only(&mut self) -> Fallible<()> {
        let kinds = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(bits);
        self.forbid(libc::SYS_socketpair, [is_not(0, bits(libc::AF_UNIX))])?;
        let families = [is_not(0, bits(libc::AF_INET)), is_not(0, bits(libc::AF_INET6))];
        self.forbid(libc::SYS_socket, families)?;
        for kind in 0..16 {
            if kind != bits(libc::SOCK_STREAM) {
                self.forbid(libc::SYS_socket, [masked(1, 0xf, kind)])?;
            }
            if !kinds.contains(&kind) {
                self.forbid(libc::SYS_socketpair, [masked(1, 0xf, kind)])?;
            }
        }
        let protocols = [is_not(2, 0), is_not(2, bits(libc::IPPROTO_TCP))];
        self.forbid(libc::SYS_socket, protocols)
    }

    /// Where nobody answers for changes of mode, the bits that make a program run with its owner's
    /// rights are refused by their number.
    fn set_id_later(&mut self) -> Fallible<()> {
        for bit in SET_ID_BITS {
            self.forbid(libc::SYS_fchmod, [has_bits(1, bit)])?;
            self.forbid(libc::SYS_fchmodat, [has_bits(2, bit)])?;
            self.forbid(SYS_FCHMODAT2, [has_bits(2, bit)])?;
            #[cfg(target_arch = "x86_64")]
            self.forbid(libc::SYS_chmod, [has_bits(1, bit)])?;
        }
        Ok(())
    }

    /// A file made with a set-user-id bit would carry this user's rights out of the cell. Changing
    /// the bits later is for [`super::metadata`] to refuse.
    fn set_id_files(&mut self) -> Fallible<()> {
        // Without these flags the mode is not read, and may be anything.
        let makes = [bits(libc::O_CREAT), bits(libc::O_TMPFILE & !libc::O_DIRECTORY)];
        for bit in SET_ID_BITS {
            for flag in makes {
                self.forbid(libc::SYS_openat, [has_bits(2, flag), has_bits(3, bit)])?;
                #[cfg(target_arch = "x86_64")]
                self.forbid(libc::SYS_open, [has_bits(1, flag), has_bits(2, bit)])?;
            }
            self.forbid(libc::SYS_mknodat, [has_bits(2, bit)])?;
            #[cfg(target_arch = "x86_64")]
            {
                self.forbid(libc::SYS_creat, [has_bits(1, bit)])?;
                self.forbid(libc::SYS_mknod, [has_bits(1, bit)])?;
            }
        }
        Ok(())
    }

    /// Limits, priority and processors of other processes of this user, such as the program's own: a
    /// CPU limit of zero kills as well as a signal does.
    fn other_processes(&mut self) -> Fallible<()> {
        let new_limit = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0);
        self.forbid(libc::SYS_prlimit64, [is_not(0, 0), new_limit])?;
        for call in [
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setscheduler,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setattr,
        ] {
            self.forbid(call, [is_not(0, 0)])?;
        }
        for (call, of_user) in
            [(libc::SYS_setpriority, PRIO_USER), (libc::SYS_ioprio_set, IOPRIO_WHO_USER)]
        {
            self.forbid(call, [is_not(1, 0)])?;
            self.forbid(call, [is(0, of_user)])?;
        }
        Ok(())
    }
}

// Arguments that are an `int` to the kernel are compared as such: it ignores the upper half of
// the register, so a comparison of the whole could be evaded by setting it.

fn is(argument: u8, value: u64) -> Fallible<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Fallible<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Fallible<SeccompCondition> {
    let operator = SeccompCmpOp::MaskedEq(mask);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

fn has_bits(argument: u8, bits: u64) -> Fallible<SeccompCondition> {
    masked(argument, bits, bits)
}

fn bits(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

/// Offsets in `struct seccomp_data`.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;
const ARGUMENT_BYTES: u32 = 8;

/// Assembled by hand, since the crate has no comparisons of call numbers.
fn gate() -> BpfProgram {
    let kill = verdict(libc::SECCOMP_RET_KILL_PROCESS);
    let mut program = vec![
        load(ARCHITECTURE_AT),
        // Skips the verdict when it is ours.
        jump(BPF_JEQ, ARCHITECTURE.1, 1, 0),
        kill,
        load(NUMBER_AT),
    ];
    if cfg!(target_arch = "x86_64") {
        program.extend([jump(BPF_JSET, X32_BIT, 0, 1), kill]);
    }
    program.extend([jump(BPF_JGT, number(NEWEST_REVIEWED), 0, 1), failure(libc::ENOSYS)]);
    program.push(verdict(libc::SECCOMP_RET_ALLOW));
    program
        .into_iter()
        .map(|it| seccompiler::sock_filter { code: it.code, jt: it.jt, jf: it.jf, k: it.k })
        .collect()
}

/// What is decided about one call, ending in a verdict.
type Leaf = (u32, Vec<sock_filter>);

/// By hand, since the crate has no listeners. The calls stand in a tree, so that one that is not among
/// them is found not to be in a few steps.
fn last(needs: Needs) -> Result<Vec<sock_filter>, Refusal> {
    let always = |calls: &[i64], verdict: sock_filter| -> Vec<Leaf> {
        calls.iter().map(|call| (number(*call), vec![verdict])).collect()
    };
    let mut leaves = always(FORBIDDEN_LAST, failure(libc::EPERM));
    leaves.extend(always(ABSENT_LAST, failure(libc::ENOSYS)));
    leaves.push((number(libc::SYS_seccomp), no_listener()));
    leaves.push((number(libc::SYS_clone), no_namespace()));
    if needs.keeps_names {
        leaves.extend(NAMING.iter().map(|naming| (number(naming.call), pass_on(*naming))));
    }
    if needs.answers_metadata {
        leaves.extend(always(ANSWERED, verdict(libc::SECCOMP_RET_USER_NOTIF)));
    }
    leaves.sort_unstable_by_key(|leaf| leaf.0);
    let mut program = vec![load(NUMBER_AT)];
    program.extend(tree(&leaves)?);
    Ok(program)
}

/// Leaves that are tried one after the other.
const BRANCH_LEAVES: usize = 2;

fn tree(leaves: &[Leaf]) -> Result<Vec<sock_filter>, Refusal> {
    if leaves.len() <= BRANCH_LEAVES {
        let mut program = Vec::new();
        for (call, body) in leaves {
            program.push(jump(BPF_JEQ, *call, 0, distance(body)?));
            program.extend(body);
        }
        program.push(verdict(libc::SECCOMP_RET_ALLOW));
        return Ok(program);
    }
    let (low, high) = leaves.split_at(leaves.len() / 2);
    let from = high.first().map_or(u32::MAX, |leaf| leaf.0);
    let low = tree(low)?;
    let mut program = vec![jump(BPF_JGE, from, distance(&low)?, 0)];
    program.extend(low);
    program.extend(tree(high)?);
    Ok(program)
}

/// A jump over `program`.
fn distance(program: &[sock_filter]) -> Result<u8, Refusal> {
    u8::try_from(program.len())
        .map_err(|_| Refusal::missing(SECCOMP, "the last filter is too long"))
}

fn no_namespace() -> Vec<sock_filter> {
    let kinds = NAMESPACE_FLAGS.iter().fold(0, |all, flag| all | flag.cast_unsigned());
    vec![
        load(ARGUMENTS_AT),
        jump(BPF_JSET, kinds, 0, 1),
        failure(libc::EPERM),
        verdict(libc::SECCOMP_RET_ALLOW),
    ]
}

/// A listener of the cell's own could answer what is ours to answer.
fn no_listener() -> Vec<sock_filter> {
    let listener = u32::try_from(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER).unwrap_or(u32::MAX);
    vec![
        load(ARGUMENTS_AT),
        jump(BPF_JEQ, libc::SECCOMP_SET_MODE_FILTER, 0, 3),
        load(ARGUMENTS_AT + ARGUMENT_BYTES),
        jump(BPF_JSET, listener, 0, 1),
        failure(libc::EPERM),
        verdict(libc::SECCOMP_RET_ALLOW),
    ]
}

/// An `open` without `O_CREAT` makes no name, nor does one with `O_PATH`, whatever else it has.
/// Both architectures have the lower half of an argument first.
fn pass_on(naming: Naming) -> Vec<sock_filter> {
    let ask = verdict(libc::SECCOMP_RET_USER_NOTIF);
    let Some(argument) = naming.flags else {
        return vec![ask];
    };
    vec![
        load(ARGUMENTS_AT + argument * ARGUMENT_BYTES),
        jump(BPF_JSET, libc::O_PATH.cast_unsigned(), 2, 0),
        jump(BPF_JSET, libc::O_CREAT.cast_unsigned(), 0, 1),
        ask,
        verdict(libc::SECCOMP_RET_ALLOW),
    ]
}

/// The call fails so.
fn failure(errno: i32) -> sock_filter {
    verdict(libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
}

/// A call's number as the filter sees it; the constants are small.
fn number(call: i64) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn jump(comparison: u32, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    instruction(BPF_JMP | comparison | BPF_K, value, if_true, if_false)
}

fn verdict(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt, jf, k }
}
