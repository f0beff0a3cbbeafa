//! The command's Landlock walls once more, for one who answers outside of them.
//!
//! Landlock adds up what is granted on the way to a file, and so does this.

use std::path::{Path, PathBuf};

use super::super::grants::{Access, Grant};

/// What shall be done with a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub reads: bool,
    pub writes: bool,
}

/// Where a command may do what.
#[derive(Debug, Default)]
pub struct Reach(Vec<Place>);

#[derive(Debug)]
struct Place {
    path: PathBuf,
    is_directory: bool,
    access: Access,
}

impl Reach {
    /// As Landlock is going to hold it.
    pub fn of(grants: &[Grant]) -> Self {
        let place = |grant: &Grant| Place {
            path: grant.path.clone(),
            is_directory: grant.is_directory,
            access: grant.access,
        };
        Self(grants.iter().map(place).collect())
    }

    /// Whether names may be made, moved and linked in a directory.
    pub fn makes_in(&self, directory: &Path) -> bool {
        self.above(directory).any(|place| place.is_directory && place.access == Access::Write)
    }

    /// Whether a file may be opened. What has no path, such as a pipe, was the command's before.
    pub fn opens(&self, file: &Path, wanted: Use) -> bool {
        let reads = |access| !matches!(access, Access::List);
        let writes = |access| matches!(access, Access::Write | Access::Device);
        let all = |may: fn(Access) -> bool| self.above(file).any(|place| may(place.access));
        !file.is_absolute() || ((!wanted.reads || all(reads)) && (!wanted.writes || all(writes)))
    }

    fn above(&self, path: &Path) -> impl Iterator<Item = &Place> {
        self.0.iter().filter(move |place| path.starts_with(&place.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_add_up_on_the_way() {
        let place =
            |path: &str, is_directory, access| Place { path: path.into(), is_directory, access };
        let reach = Reach(vec![
            place("/ws", true, Access::Run),
            place("/ws/src", true, Access::Write),
            place("/ws/README", false, Access::Write),
            place("/dev/null", false, Access::Device),
            place("/closed", true, Access::List),
        ]);
        let opens = |path: &str, reads, writes| reach.opens(Path::new(path), Use { reads, writes });
        assert!(reach.makes_in(Path::new("/ws/src/deep")));
        assert!(!reach.makes_in(Path::new("/ws")) && !reach.makes_in(Path::new("/ws/srcs")));
        assert!(opens("/ws/README", true, true) && opens("/ws/other", true, false));
        assert!(!opens("/ws/other", true, true) && !opens("/closed/x", true, false));
        assert!(opens("/dev/null", true, true) && opens("pipe:[7]", true, true));
        assert!(!opens("/etc/shadow", true, false));
    }
}
