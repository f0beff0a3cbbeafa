//! Accounts of this machine.

use crate::contracts::approval::USER;

/// Where the system keeps its accounts.
const ACCOUNTS: &str = "/etc/passwd";

/// The account with this number, as it stands in journals: `user:ann`. One that the machine's own list
/// does not name keeps its number.
#[must_use]
pub fn account(uid: u32) -> String {
    let name = match std::fs::read_to_string(ACCOUNTS) {
        Ok(accounts) => name_in(&accounts, uid).map(str::to_owned),
        Err(error) => {
            tracing::debug!("`{ACCOUNTS}` cannot be read: {error}");
            None
        }
    };
    format!("{USER}{}", name.unwrap_or_else(|| uid.to_string()))
}

/// The account that this process works for.
#[must_use]
pub fn this_account() -> String {
    account(rustix::process::getuid().as_raw())
}

fn name_in(accounts: &str, uid: u32) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid && is_plain(name)).then_some(name)
    })
}

/// A name that says nothing but itself where it is shown.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_called_as_the_machine_calls_it() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:\n\
                        ann (x):x:7:7::/:\n";
        for (uid, expected) in [(0, Some("root")), (1000, Some("ann")), (7, None), (8, None)] {
            assert_eq!(name_in(accounts, uid), expected, "{uid}");
        }
        assert_eq!(account(4_000_000_001), "user:4000000001");
        assert!(this_account().starts_with("user:"));
    }
}
