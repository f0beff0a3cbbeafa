//! Which system calls a cell has not, and what it is told instead.
//!
//! Every call up to [`NEWEST_REVIEWED`] was looked at; newer ones do not exist in a cell. A list
//! of what is forbidden stays readable that way, and a kernel upgrade opens nothing.

use libc::{
    SYS_accept, SYS_accept4, SYS_acct, SYS_add_key, SYS_adjtimex, SYS_bind, SYS_bpf, SYS_chroot,
    SYS_clock_adjtime, SYS_clock_settime, SYS_clone3, SYS_connect, SYS_delete_module,
    SYS_fanotify_init, SYS_fanotify_mark, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
    SYS_finit_module, SYS_fremovexattr, SYS_fsconfig, SYS_fsetxattr, SYS_fsmount, SYS_fsopen,
    SYS_fspick, SYS_init_module, SYS_inotify_add_watch, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_io_uring_setup, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_listen,
    SYS_lookup_dcookie, SYS_lremovexattr, SYS_lsetxattr, SYS_migrate_pages, SYS_mount,
    SYS_mount_setattr, SYS_move_mount, SYS_move_pages, SYS_mq_open, SYS_mq_unlink, SYS_msgctl,
    SYS_msgget, SYS_msgrcv, SYS_msgsnd, SYS_name_to_handle_at, SYS_nfsservctl,
    SYS_open_by_handle_at, SYS_open_tree, SYS_openat2, SYS_perf_event_open, SYS_pidfd_getfd,
    SYS_pivot_root, SYS_process_madvise, SYS_process_mrelease, SYS_process_vm_readv,
    SYS_process_vm_writev, SYS_ptrace, SYS_quotactl, SYS_quotactl_fd, SYS_reboot, SYS_removexattr,
    SYS_request_key, SYS_semctl, SYS_semget, SYS_semop, SYS_semtimedop, SYS_setdomainname,
    SYS_sethostname, SYS_setns, SYS_settimeofday, SYS_setxattr, SYS_shmat, SYS_shmctl, SYS_shmget,
    SYS_swapoff, SYS_swapon, SYS_syslog, SYS_umount2, SYS_unshare, SYS_userfaultfd, SYS_utimensat,
    SYS_vhangup,
};

/// `mseal`, the newest call that was looked at when this was written. The same number on every
/// architecture.
pub const NEWEST_REVIEWED: i64 = libc::SYS_mseal;

/// A younger `fchmodat`. This and the following are not in every libc, but the same numbers on every
/// architecture.
pub const SYS_FCHMODAT2: i64 = 452;
const SYS_STATMOUNT: i64 = 457;
const SYS_LISTMOUNT: i64 = 458;
const SYS_LSM_SET_SELF_ATTR: i64 = 459;

/// Fail with `EPERM`, whatever the arguments.
pub const FORBIDDEN: &[i64] = &[
    // Other namespaces, other roots, other mounts.
    SYS_setns,
    SYS_chroot,
    SYS_pivot_root,
    SYS_umount2,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_STATMOUNT,
    SYS_LISTMOUNT,
    // Other processes.
    SYS_ptrace,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_process_mrelease,
    SYS_pidfd_getfd,
    SYS_kcmp,
    SYS_migrate_pages,
    SYS_move_pages,
    // Large doors into the kernel, and ways around these filters.
    SYS_bpf,
    SYS_perf_event_open,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_userfaultfd,
    SYS_lookup_dcookie,
    SYS_LSM_SET_SELF_ATTR,
    // Keys of the user or the system.
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    // The machine.
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_nfsservctl,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_syslog,
    SYS_vhangup,
    // Files by other means than their names, and who touches them.
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_fanotify_mark,
    SYS_inotify_add_watch,
    // Shared memory, queues and semaphores that other processes of the user may have: no wall
    // stands there without a namespace.
    SYS_shmget,
    SYS_shmat,
    SYS_shmctl,
    SYS_msgget,
    SYS_msgsnd,
    SYS_msgrcv,
    SYS_msgctl,
    SYS_semget,
    SYS_semop,
    SYS_semtimedop,
    SYS_semctl,
    SYS_mq_open,
    SYS_mq_unlink,
];

/// As [`FORBIDDEN`], for the command alone: cells are made by these, and the supervisor reads the paths
/// that it is asked about.
pub const FORBIDDEN_LAST: &[i64] = &[
    SYS_unshare,
    SYS_mount,
    SYS_move_mount,
    SYS_open_tree,
    SYS_mount_setattr,
    SYS_process_vm_readv,
];

/// As [`FORBIDDEN`], in cells without a network of their own: the network, and sockets of other programs.
/// With a path one would reach any service on the machine that trusts this user.
pub const NETWORKING: &[i64] = &[SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4];

/// As [`FORBIDDEN`], on this architecture only.
#[cfg(target_arch = "x86_64")]
pub const FORBIDDEN_HERE: &[i64] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS__sysctl];
/// As [`FORBIDDEN`], on this architecture only.
#[cfg(target_arch = "aarch64")]
pub const FORBIDDEN_HERE: &[i64] = &[];

/// Fail with `ENOSYS`: their arguments are in memory, where a filter cannot look. Programs fall
/// back to an older call that can be judged.
pub const ABSENT: &[i64] = &[SYS_clone3];

/// As [`ABSENT`], for the command alone: the supervisor looks up with it.
pub const ABSENT_LAST: &[i64] = &[SYS_openat2];

/// Fail with `EOPNOTSUPP`: attributes, among them access control lists, can be set on every file
/// of the user, wherever it is. Programs take it for a file system without them.
pub const UNSUPPORTED: &[i64] = &[
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
];

/// Answered by the supervisor, see [`super::metadata`].
pub const ANSWERED: &[i64] = &[
    SYS_fchmod,
    SYS_fchmodat,
    SYS_FCHMODAT2,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];

/// `renameat`, which not every libc has for every architecture.
#[cfg(target_arch = "x86_64")]
pub const SYS_RENAMEAT: i64 = libc::SYS_renameat;
/// `renameat`, which not every libc has for every architecture.
#[cfg(target_arch = "aarch64")]
pub const SYS_RENAMEAT: i64 = 38;

/// A call that makes a name.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// Its number.
    pub call: i64,
    /// Where its flags are, when it only makes one with `O_CREAT`.
    pub flags: Option<u32>,
}

const fn always(call: i64) -> Naming {
    Naming { call, flags: None }
}

const fn with_flags(call: i64, flags: u32) -> Naming {
    Naming { call, flags: Some(flags) }
}

/// Answered by the supervisor in cells that have [`super::names`] to keep; the most frequent
/// first. Names are also made by `bind` and `mq_open`, which no cell has.
pub const NAMING: &[Naming] = &[
    with_flags(libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    with_flags(libc::SYS_open, 1),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_creat),
    always(libc::SYS_mkdirat),
    always(libc::SYS_mknodat),
    always(libc::SYS_symlinkat),
    always(libc::SYS_linkat),
    always(SYS_RENAMEAT),
    always(libc::SYS_renameat2),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_mkdir),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_mknod),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_symlink),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_link),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_rename),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_stands_in_one_list_and_was_reviewed() {
        let lists = [
            FORBIDDEN,
            FORBIDDEN_HERE,
            FORBIDDEN_LAST,
            NETWORKING,
            ABSENT,
            ABSENT_LAST,
            UNSUPPORTED,
            ANSWERED,
        ];
        let mut all: Vec<i64> = lists.into_iter().flatten().copied().collect();
        all.extend(NAMING.iter().map(|naming| naming.call));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a call stands in two lists");
        assert!(all.iter().all(|number| *number <= NEWEST_REVIEWED));
        assert!(count > 100);
    }
}
