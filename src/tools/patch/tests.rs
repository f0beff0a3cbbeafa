use proptest::prelude::*;

use super::*;

fn one(patch: &str) -> FilePatch {
    let mut files = parse(patch, None).unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn applied(file: &str, patch: &str) -> Result<String, String> {
    let fitted = fit(file.as_bytes(), &one(patch).hunks)?;
    Ok(String::from_utf8(fitted.bytes).unwrap())
}

const HEAD: &str = "--- a/x\n+++ b/x\n";

#[test]
fn names_are_read_as_diff_and_git_write_them() {
    let modify = |path: &str| What::Modify { path: path.to_owned() };
    for (head, what) in [
        ("--- a/src/x.rs\n+++ b/src/x.rs\n", modify("src/x.rs")),
        ("--- x.rs\t2024-01-01 00:00:00\n+++ x.rs\t2024-01-02\n", modify("x.rs")),
        ("--- old/x\n+++ new/x\n", modify("new/x")),
        ("Some words\n\n--- a/x\n+++ b/x\n", modify("x")),
        (
            "diff --git a/x y b/x y\nindex 1234567..89abcde 100644\n--- a/x y\n+++ b/x y\n",
            modify("x y"),
        ),
        ("--- \"a/\\303\\266\\n.txt\"\n+++ \"b/\\303\\266\\n.txt\"\n", modify("ö\n.txt")),
        ("--- /dev/null\n+++ b/new\n", What::Create { path: "new".to_owned() }),
    ] {
        let body = "@@ -0,0 +1 @@\n+x\n";
        assert_eq!(one(&format!("{head}{body}")).what, what, "{head}");
    }
    let file = one("diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n");
    assert_eq!(file.what, What::Rename { from: "o".to_owned(), to: "n".to_owned() });
    let file = one("diff --git a/s/run b/s/run\nold mode 100644\nnew mode 100755\n");
    assert_eq!((file.what, file.mode), (modify("s/run"), Some(0o755)));
    let file = one("diff --git a/e b/e\ndeleted file mode 100644\nindex e69de29..0000000\n");
    assert_eq!(file.what, What::Delete { path: "e".to_owned() });
    let files = parse("--- a/b/x\n+++ a/c/x\n@@ -1 +1 @@\n-a\n+b\n", Some(2)).unwrap();
    assert_eq!(files[0].what, modify("x"));
}

#[test]
fn several_files_are_several() {
    let patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\
                 diff --git a/y b/y\nnew file mode 100755\n--- /dev/null\n+++ b/y\n@@ -0,0 +1,2 @@\n+1\n+2\n\
                 --- a/z\n+++ /dev/null\n@@ -1 +0,0 @@\n-z\n-- \n2.39\n";
    let files = parse(patch, None).unwrap();
    let paths: Vec<&str> = files.iter().map(FilePatch::path).collect();
    assert_eq!(paths, ["x", "y", "z"]);
    assert_eq!(files[1].mode, Some(0o755));
    assert_eq!(files.iter().map(FilePatch::counts).collect::<Vec<_>>(), [(1, 1), (2, 0), (0, 1)]);
}

#[test]
fn what_cannot_be_read_says_where() {
    let git = "diff --git a/x b/x\n";
    for (patch, expect) in [
        ("", "no unified diff"),
        ("hello\nworld\n", "no unified diff"),
        ("@@ -1 +1 @@\n-a\n+b\n", "line 1: a hunk without"),
        (&format!("{HEAD}@@ -1,2 +1 @@\n-a\n"), "hunk 1 of file 1 (line 3): it ends early"),
        (&format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n+c\n"), "more lines than its"),
        (&format!("{HEAD}@@ -1 +1 @@\n+b\n+c\n"), "not as many"),
        (&format!("{HEAD}@@ -x +1 @@\n"), "`@@ -OLD,COUNT +NEW,COUNT @@`"),
        (&format!("{HEAD}@@ -99999999999999999999 +1 @@\n"), "`@@ -OLD,COUNT"),
        (&format!("{HEAD}@@ -1 +1 @@\n\\ No newline at end of file\n-a\n+b\n"), "behind no line"),
        (HEAD, "has no hunk"),
        ("--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "`..`"),
        ("--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "absolute"),
        ("--- a/\n+++ b/\n@@ -1 +1 @@\n-a\n+b\n", "no parts left"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "names no file"),
        ("--- \"a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "not quoted"),
        ("--- \"a/\\377\"\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "not UTF-8"),
        (&format!("{git}GIT binary patch\nliteral 3\nKc\n"), "binary file"),
        (&format!("{git}Binary files a/x and b/x differ\n"), "binary file"),
        (
            &format!("{git}new file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+y\n"),
            "symbolic link",
        ),
        (&format!("{git}index 1..2 160000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"), "submodule"),
        (&format!("{git}old mode 100644\nnew mode 104755\n"), "none of a file"),
        (&format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n{HEAD}@@ -1 +1 @@\n-b\n+c\n"), "twice"),
        ("--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "is new, and"),
        ("--- a/x\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "is deleted, and"),
    ] {
        let why = parse(patch, None).unwrap_err();
        assert!(why.contains(expect), "{patch}\n{why}");
    }
    assert!(parse(&format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n"), Some(3)).is_err());
    assert!(parse(HEAD, Some(1_000)).is_err());
}

#[test]
fn hunks_fit_where_each_line_is_the_same() {
    let file = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let patch =
        format!("{HEAD}@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n@@ -8,2 +8,3 @@\n 8\n+8.5\n 9\n");
    assert_eq!(applied(file, &patch).unwrap(), "1\n2\nthree\n4\n5\n6\n7\n8\n8.5\n9\n");
    let fitted = fit(file.as_bytes(), &one(&patch).hunks).unwrap();
    assert!(fitted.moved.is_empty());
    // Three lines more before them.
    let moved = format!("a\nb\nc\n{file}");
    let fitted = fit(moved.as_bytes(), &one(&patch).hunks).unwrap();
    assert_eq!(fitted.moved, [(1, 3), (2, 3)]);
    let error = applied(&file.replace('3', "III"), &patch).unwrap_err();
    assert!(error.contains("hunk 1 (line 3) does not fit"), "{error}");
    assert!(error.contains("line 3 of the file is `III`, the patch expects `3`"), "{error}");
    assert!(applied("", &patch).unwrap_err().contains("the file has 0 lines"));
}

#[test]
fn a_line_that_is_nearly_the_same_is_another() {
    let patch = format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n");
    for file in ["a \n", "A\n", "a\r\nx\n", "a", "\ta\n"] {
        assert!(applied(file, &patch).is_err(), "{file:?}");
    }
    assert!(applied("a", &patch).unwrap_err().contains("no newline at its end"));
}

#[test]
fn ends_of_files_and_of_lines_are_kept() {
    let end = "\\ No newline at end of file\n";
    for (file, body, expected) in [
        ("a", format!("@@ -1 +1 @@\n-a\n{end}+b\n{end}"), "b"),
        ("a", format!("@@ -1 +1 @@\n-a\n{end}+b\n"), "b\n"),
        ("a\n", format!("@@ -1 +1 @@\n-a\n+b\n{end}"), "b"),
        ("x\na", format!("@@ -1,2 +1,2 @@\n-x\n+y\n a\n{end}"), "y\na"),
        ("a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n".to_owned(), "a\r\nc\r\n"),
        ("a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n".to_owned(), "a\r\nc\r\n"),
        ("a\n\nb\n", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n".to_owned(), "a\n\nc\n"),
        ("a\nb\n", "@@ -1,0 +2 @@\n+new\n".to_owned(), "a\nnew\nb\n"),
        ("", "@@ -0,0 +1 @@\n+new\n".to_owned(), "new\n"),
    ] {
        assert_eq!(applied(file, &format!("{HEAD}{body}")).unwrap(), expected, "{body}");
    }
    let open = format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n{end}");
    assert!(applied("a\nc\n", &open).unwrap_err().contains("without an end"));
    // A patch that was sent with `\r\n` throughout.
    let sent = format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n").replace('\n', "\r\n");
    assert_eq!(applied("a\n", &sent).unwrap(), "b\n");
}

#[test]
fn the_worst_kind_of_patch_ends() {
    let file = "a\n".repeat(100_000);
    let body: String = std::iter::repeat_n(" a\n", 10_000).collect();
    let patch = format!("{HEAD}@@ -1,10001 +1,10001 @@\n{body}-b\n+c\n");
    assert!(applied(&file, &patch).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", lines in prop::collection::vec(
        prop_oneof![
            Just("--- a/x\n"), Just("+++ b/x\n"), Just("@@ -1,2 +1,2 @@\n"), Just(" a\n"), Just("-a\n"),
            Just("+b\n"), Just("\\ No newline at end of file\n"), Just("diff --git a/x b/y\n"),
            Just("rename from x\n"), Just("new file mode 100644\n"), Just("--- \"\\\n"), Just("\r\n"),
        ], 0..20)) {
        for patch in [text, lines.concat()] {
            if let Ok(files) = parse(&patch, None) {
                for file in files {
                    let _ = fit(b"a\na\n", &file.hunks);
                }
            }
        }
    }

    #[test]
    fn what_was_replaced_is_found_again(
        before in prop::collection::vec("[abc]{0,2}\n", 0..8),
        old in prop::collection::vec("[xyz]{1,2}\n", 1..4),
        new in prop::collection::vec("[xyz]{1,2}\n", 0..4),
        after in prop::collection::vec("[abc]{0,2}\n", 0..8),
    ) {
        let (file, wanted) = (
            [before.concat(), old.concat(), after.concat()].concat(),
            [before.concat(), new.concat(), after.concat()].concat(),
        );
        let body: String = old.iter().map(|line| format!("-{line}"))
            .chain(new.iter().map(|line| format!("+{line}"))).collect();
        let patch = format!("{HEAD}@@ -{},{} +1,{} @@\n{body}", before.len() + 1, old.len(), new.len());
        prop_assert_eq!(applied(&file, &patch).unwrap(), wanted);
    }
}
