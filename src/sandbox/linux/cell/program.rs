//! Finding the program in the cell's `PATH` and becoming it.

use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::path::PathBuf;

use super::super::wire::Refusal;
use super::sys;

/// Becomes the program; returns only why it could not.
pub fn execute(argv: &[String], env: &[(String, String)]) -> Result<Infallible, Refusal> {
    let Some(name) = argv.first() else {
        return Err(Refusal::BadSpec("the command is empty: name a program".into()));
    };
    let paths = candidates(name, env);
    let argv = words(argv.iter().cloned())?;
    let env = words(env.iter().map(|(name, value)| format!("{name}={value}")))?;
    let mut refused = None;
    for path in paths {
        let text = path.to_string_lossy().into_owned();
        let program = words([text])?;
        let Some(program) = program.first() else { continue };
        let Err(error) = sys::execute(program, &argv, &env);
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if !path.exists() => {}
            // Like a shell: what may not be run here may be further down the path.
            io::ErrorKind::PermissionDenied => refused = refused.or(Some((path, error))),
            _ => return Err(cannot_run(&path, &error)),
        }
    }
    match refused {
        Some((path, error)) => Err(cannot_run(&path, &error)),
        None => Err(Refusal::NoProgram(name.clone())),
    }
}

/// Where `name` may be: itself when it has a slash, else in each directory of `PATH`.
fn candidates(name: &str, env: &[(String, String)]) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![PathBuf::from(name)];
    }
    let path = env.iter().find(|(key, _)| key == "PATH").map_or("", |(_, value)| value.as_str());
    // An empty part would mean the working directory, which is never searched.
    path.split(':')
        .filter(|part| part.starts_with('/'))
        .map(|d| PathBuf::from(d).join(name))
        .collect()
}

fn cannot_run(path: &std::path::Path, error: &io::Error) -> Refusal {
    let why = match error.raw_os_error() {
        Some(libc::ENOENT) => "the interpreter it names is not there".to_owned(),
        Some(libc::ENOEXEC) => "it is neither a program nor a script with a `#!` line".to_owned(),
        Some(libc::EACCES) => {
            "it is not executable, or lies outside of what the cell may read".to_owned()
        }
        _ => error.to_string(),
    };
    Refusal::BadSpec(format!("`{}` cannot be run in the cell: {why}", path.display()))
}

fn words(words: impl IntoIterator<Item = String>) -> Result<Vec<CString>, Refusal> {
    let nul = |_| Refusal::BadSpec("an argument or a variable contains a NUL byte".into());
    words.into_iter().map(|word| CString::new(word).map_err(nul)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, path: &str, expected: &[&str]) {
        let env = [("PATH".to_owned(), path.to_owned())];
        let found = candidates(name, &env);
        assert_eq!(found, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_name_is_looked_for_in_absolute_directories_only() {
        check("cc", "/usr/bin:/bin", &["/usr/bin/cc", "/bin/cc"]);
        check("cc", ":.:rel:/bin", &["/bin/cc"]);
        check("./cc", "/bin", &["./cc"]);
        check("/x/cc", "/bin", &["/x/cc"]);
        check("cc", "", &[]);
    }
}
