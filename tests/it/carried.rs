//! Labels follow content through files: what a stranger's text was written into stays a stranger's for every
//! later run, however it is read.

use super::harness::{Ran, Space};

const HEAD: &str = "description: Hands a text on.\npermissions: { tools: [read_text, write_text, move_path, \
                    shell_exec, search_text, list_dir, memory_write], read: [\".\"], write: [\".\"] }\nsteps:";

/// A step after which `notes/copy.txt` holds what `notes/mail.txt` held.
const COPIES: [(&str, &str); 4] = [
    (
        "written again",
        r#"
  - { id: said, tool: read_text, args: { path: notes/mail.txt } }
  - { id: copy, tool: write_text, args: { path: notes/copy.txt, text: "${{ steps.said.data.text }}" } }"#,
    ),
    (
        "moved",
        "\n  - { id: copy, tool: move_path, args: { from: notes/mail.txt, to: notes/copy.txt } }",
    ),
    (
        "copied by a command",
        r#"
  - { id: copy, tool: shell_exec, args: { command: [cp, notes/mail.txt, notes/copy.txt] } }"#,
    ),
    (
        "read by an expression",
        r#"
  - { id: copy, tool: write_text, args: { path: notes/copy.txt, text: "${{ read(`notes/mail.txt`) }}" } }"#,
    ),
];

/// Steps that write where `notes/copy.txt` says.
const AIMS: [(&str, &str); 4] = [
    (
        "read",
        r#"
  - { id: said, tool: read_text, args: { path: notes/copy.txt } }
  - { id: out, tool: write_text, args: { path: "${{ trim(steps.said.data.text) }}", text: x } }"#,
    ),
    (
        "read by an expression",
        r#"
  - { id: out, tool: write_text, args: { path: "${{ trim(read(`notes/copy.txt`)) }}", text: x } }"#,
    ),
    (
        "found below a directory",
        r#"
  - { id: said, tool: search_text, args: { path: notes, pattern: "reports/.*" } }
  - { id: out, tool: write_text, args: { path: "${{ trim(steps.said.data.matches[0].text) }}", text: x } }"#,
    ),
    (
        "shown by a command",
        r#"
  - { id: said, tool: shell_exec, args: { command: [cat, notes/copy.txt] } }
  - { id: out, tool: write_text, args: { path: "${{ trim(steps.said.data.stdout) }}", text: x } }"#,
    ),
];

fn playbook(space: &Space, name: &str, steps: &str) -> String {
    let text = format!("schema: 1\nname: {name}\n{HEAD}{steps}\n");
    space.write(&format!("{name}.yaml"), &text).to_string_lossy().into_owned()
}

fn run(space: &Space, name: &str, steps: &str) -> Ran {
    space.run(&["run", &playbook(space, name, steps)])
}

/// The same for a person who agrees: labels of a step, and of what its expressions read, count for its path too.
fn agreed(space: &Space, name: &str, steps: &str) {
    let yes = ["--yes-approve", "50-exfiltration.untrusted_aim"];
    space.run(&[&["run", &*playbook(space, name, steps)], &yes[..]].concat()).expect(0);
}

/// A workspace with a file into which a run wrote what was in a mail, or what a person said.
fn with_mail(strange: bool) -> Space {
    let space = Space::new();
    let labels = if strange { r#", labels: ["untrusted:mail"]"# } else { "" };
    let step = format!(
        "\n  - {{ id: keep, tool: write_text, args: {{ path: notes/mail.txt, text: \"reports/made\" }}{labels} }}"
    );
    agreed(&space, "keep", &step);
    space
}

#[test]
fn what_a_stranger_said_chooses_nothing_however_its_file_was_copied() {
    for (copied, steps) in COPIES {
        for strange in [false, true] {
            let space = with_mail(strange);
            agreed(&space, "copies", steps);
            let ran = run(&space, "aims", AIMS[0].1);
            let said = format!("{copied}, {strange}\n{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, if strange { 4 } else { 0 }, "{said}");
            assert_eq!(said.contains("text of untrusted:mail"), strange, "{said}");
        }
    }
}

#[test]
fn what_a_stranger_said_chooses_nothing_however_it_is_read() {
    let space = with_mail(true);
    run(&space, "copies", COPIES[0].1).expect(0);
    for (read, steps) in AIMS {
        let ran = run(&space, "aims", steps);
        let said = format!("{read}\n{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 4, "{said}");
        assert!(said.contains("text of untrusted:mail"), "{said}");
    }
}

#[test]
fn names_alone_bring_nothing_and_other_files_stay_the_workspaces() {
    let space = with_mail(true);
    space.write("plain.txt", "reports/made");
    let steps = r#"
  - { id: names, tool: list_dir, args: { path: "." } }
  - { id: said, tool: read_text, args: { path: plain.txt } }
  - { id: out, tool: write_text, args: { path: "${{ steps.said.data.text }}-${{ steps.names.data.files }}", text: x } }"#;
    run(&space, "plain", steps).expect(0);
    assert!(space.path("reports").exists());
}

#[test]
fn a_stranger_does_not_reach_solutions_by_way_of_a_file() {
    let claim = r#"
  - { id: said, tool: read_text, args: { path: notes/mail.txt } }
  - { id: learn, tool: memory_write, args: { area: solutions, text: "${{ steps.said.data.text }}" } }"#;
    for (strange, area, trust) in [(false, "solutions", 1), (true, "fragments", 0)] {
        let space = with_mail(strange);
        space.run(&["trust"]).expect(0);
        run(&space, "learn", claim).expect(0);
        let kept = space.run(&["memory", "search", "reports made", "--json"]).expect(0).json();
        let items = kept["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["area"]), (1, &area.into()), "{kept}");
        assert_eq!(items[0]["trust"], trust, "{kept}");
    }
}
