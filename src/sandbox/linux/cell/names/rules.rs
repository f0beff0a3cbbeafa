//! Which names may not be made: comparing, and nothing else.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::reach::Reach;

/// Device and inode.
pub type Id = (u64, u64);

/// One name, in the form in which names are compared.
type Folded = Vec<u8>;

/// What a name is to the protected paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Free,
    /// A protected path lies inside of it.
    Above,
    /// It is a protected path, or lies inside of one.
    Protected,
}

/// The protected paths of a cell.
#[derive(Debug, Default)]
pub struct NameRules {
    paths: Vec<Vec<Folded>>,
    /// Directories on the way to a protected path, with the rest of the way. They can be seen in
    /// several places, such as through a second mount.
    directories: HashMap<Id, Vec<Vec<Folded>>>,
    reach: Option<Reach>,
}

impl NameRules {
    /// Rules for absolute paths without `..`, existing or not. `id_of` tells what exists; links
    /// that lead to a protected path should be among the paths in both forms.
    pub fn new(protected: &[PathBuf], id_of: impl Fn(&Path) -> Option<Id>) -> Self {
        let mut rules = Self::default();
        for path in protected {
            let folded: Vec<Folded> = names(path).map(fold).collect();
            for (above, rest) in path.ancestors().zip((0..=folded.len()).rev()) {
                if let Some(id) = id_of(above) {
                    let rest = folded.get(rest..).unwrap_or_default().to_vec();
                    rules.directories.entry(id).or_default().push(rest);
                }
            }
            rules.paths.push(folded);
        }
        rules
    }

    /// Where the one who answers is not behind the walls of the one who asks.
    pub fn within(self, reach: Reach) -> Self {
        Self { reach: Some(reach), ..self }
    }

    /// The walls that have to be repeated.
    pub fn reach(&self) -> Option<&Reach> {
        self.reach.as_ref()
    }

    /// What `name` would be in the directory `parent`, whose real path and identity are given.
    pub fn of_name(&self, parent: &Path, id: Id, name: &[u8]) -> Verdict {
        let by_path = self.of_names(|| names(parent).chain([name]));
        let by_id = self.directories.get(&id).into_iter().flatten();
        by_id.fold(by_path, |worst, rest| worst.max(compare(rest, [name].into_iter())))
    }

    /// What the file with this real path is.
    pub fn of_path(&self, path: &Path) -> Verdict {
        self.of_names(|| names(path))
    }

    fn of_names<'a, I: Iterator<Item = &'a [u8]>>(&self, names: impl Fn() -> I) -> Verdict {
        let verdicts = self.paths.iter().map(|protected| compare(protected, names()));
        verdicts.fold(Verdict::Free, Verdict::max)
    }
}

impl Verdict {
    fn max(self, other: Self) -> Self {
        match (self, other) {
            (Self::Protected, _) | (_, Self::Protected) => Self::Protected,
            (Self::Above, _) | (_, Self::Above) => Self::Above,
            (Self::Free, Self::Free) => Self::Free,
        }
    }
}

fn names(path: &Path) -> impl Iterator<Item = &[u8]> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.as_bytes()),
        _ => None,
    })
}

fn compare<'a>(protected: &[Folded], mut names: impl Iterator<Item = &'a [u8]>) -> Verdict {
    for wanted in protected {
        match names.next() {
            None => return Verdict::Above,
            Some(name) if is(wanted, name) => {}
            Some(_) => return Verdict::Free,
        }
    }
    Verdict::Protected
}

fn is(wanted: &Folded, name: &[u8]) -> bool {
    if name.is_ascii() { name.eq_ignore_ascii_case(wanted) } else { fold(name) == *wanted }
}

/// The form in which a file system that ignores case would compare: small letters, the two letters
/// beyond ASCII that are small forms of ASCII ones, and nothing of what such a file system ignores.
/// Everything else stays as it is, so that on one that does not ignore case little is refused that
/// is another name.
fn fold(name: &[u8]) -> Folded {
    let Ok(text) = std::str::from_utf8(name) else { return name.to_ascii_lowercase() };
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    let seen = text.chars().filter(|letter| !is_ignorable(*letter));
    seen.map(fold).collect::<String>().into_bytes()
}

/// Unicode's `Default_Ignorable_Code_Point`.
fn is_ignorable(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WS: Id = (1, 10);
    const GIT: Id = (1, 11);

    fn rules() -> NameRules {
        let protected = ["/ws/.env", "/ws/policies", "/ws/.git/hooks"].map(PathBuf::from);
        NameRules::new(&protected, |path| match path.to_str() {
            Some("/ws") => Some(WS),
            Some("/ws/.git") => Some(GIT),
            _ => None,
        })
    }

    #[test]
    fn names_are_judged_by_where_they_would_be() {
        use Verdict::{Above, Free, Protected};
        let elsewhere = (1, 99);
        for (parent, id, name, expected) in [
            ("/ws", elsewhere, ".env", Protected),
            ("/ws", elsewhere, ".env.example", Free),
            ("/ws", elsewhere, ".en", Free),
            ("/ws", elsewhere, ".ENV", Protected),
            ("/ws", elsewhere, "policie\u{17f}", Protected),
            ("/ws", elsewhere, "pol\u{200c}icies", Protected),
            ("/ws", elsewhere, "pölicies", Free),
            ("/ws/Policies/deep", elsewhere, "x", Protected),
            ("/ws", elsewhere, ".git", Above),
            ("/ws/.git", elsewhere, "hooks", Protected),
            ("/ws/.git", elsewhere, "hook", Free),
            ("/ws/src", elsewhere, ".env", Free),
            ("/", elsewhere, "ws", Above),
            ("/", elsewhere, "wss", Free),
            // A second view of the same directories.
            ("/view", WS, ".env", Protected),
            ("/view", WS, ".git", Above),
            ("/view/.git", GIT, "HOOKS", Protected),
            ("/view/.git", GIT, "index", Free),
        ] {
            assert_eq!(rules().of_name(Path::new(parent), id, name.as_bytes()), expected, "{name}");
        }
        assert_eq!(rules().of_path(Path::new("/ws/policies/x")), Protected);
        assert_eq!(rules().of_path(Path::new("/ws/.git")), Above);
        assert_eq!(rules().of_path(Path::new("/ws/.git/index")), Free);
    }

    #[test]
    fn names_that_are_not_text_are_compared_as_bytes() {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"/ws/\xffA"));
        let rules = NameRules::new(&[path], |_| None);
        assert_eq!(rules.of_name(Path::new("/ws"), (0, 0), b"\xffa"), Verdict::Protected);
        assert_eq!(rules.of_name(Path::new("/ws"), (0, 0), b"\xfea"), Verdict::Free);
    }

    /// A few names that often meet.
    fn some_path() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[abAB.]{1,2}", 1..4)
            .prop_filter("no `.`", |names| !names.iter().any(|name| name == "." || name == ".."))
    }

    proptest! {
        #[test]
        fn agrees_with_comparing_small_letters(
            protected in prop::collection::vec(some_path(), 1..4),
            made in some_path(),
        ) {
            let whole = |names: &[String]| PathBuf::from(format!("/{}", names.join("/")));
            let small = |names: &[String]| whole(names).to_str().unwrap().to_lowercase();
            let paths: Vec<PathBuf> = protected.iter().map(|names| whole(names)).collect();
            let made_small = PathBuf::from(small(&made));
            let inside = protected.iter().any(|p| made_small.starts_with(small(p)));
            let above = protected.iter().any(|p| Path::new(&small(p)).starts_with(&made_small));
            let expected = match (inside, above) {
                (true, _) => Verdict::Protected,
                (false, true) => Verdict::Above,
                (false, false) => Verdict::Free,
            };
            let rules = NameRules::new(&paths, |_| None);
            let (name, parent) = made.split_last().unwrap();
            prop_assert_eq!(rules.of_path(&whole(&made)), expected);
            prop_assert_eq!(rules.of_name(&whole(parent), (0, 0), name.as_bytes()), expected);
        }

        #[test]
        fn the_same_directory_elsewhere_is_judged_the_same(
            protected in some_path(), made in some_path(),
        ) {
            let whole = |names: &[String]| PathBuf::from(format!("/{}", names.join("/")));
            let id = |path: &Path| Some((7, path.components().count() as u64 + 1));
            let path = whole(&protected);
            let rules = NameRules::new(std::slice::from_ref(&path), id);
            let (name, parent) = made.split_last().unwrap();
            let parent = whole(parent);
            prop_assume!(path.starts_with(&parent));
            let there = rules.of_name(&parent, (0, 0), name.as_bytes());
            let seen = id(&parent).unwrap();
            prop_assert_eq!(rules.of_name(Path::new("/view"), seen, name.as_bytes()), there);
        }
    }
}
