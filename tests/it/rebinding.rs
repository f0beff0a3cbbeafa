//! A name whose address changes between being judged and being called (DNS rebinding), from end to end: a
//! name server of the test's own, the system's resolver, the real program, all in a network of their own.
//!
//! Needs root, since nothing else makes such a network; skipped elsewhere.

use std::process::Command;

use serde_json::Value;

use super::harness::{Ran, Space};

/// A public address that lies on the loopback interface of the test's network.
const PUBLIC: &str = "93.184.216.34";

/// Serves names, pages and a victim, then does what the test wants, and says what was seen.
///
/// The name server answers queries for A by the plan of each name: its first answer, then its second for
/// ever. The victim listens where a rebound name would lead. Times to live are 0.
const STAGE: &str = r#"
import json, os, socket, struct, subprocess, sys, threading
public, command = sys.argv[1], sys.argv[2:]
run = lambda *words: subprocess.run(words, check=True)
run("ip", "link", "set", "lo", "up")
run("ip", "addr", "add", public + "/32", "dev", "lo")
open("../resolv.conf", "w").write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
run("mount", "--bind", os.path.abspath("../resolv.conf"), "/etc/resolv.conf")
plans = {"steady.example": [public, public], "flips.example": [public, "127.0.0.1"],
         "flipped.example": ["127.0.0.1", "127.0.0.1"], "moves.example": [public, "169.254.169.254"]}
seen = {"asked": {}, "victim": 0, "pages": []}

def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, peer = server.recvfrom(512)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        answer, plan = b"", plans.get(name)
        if kind == 1 and plan:
            times = seen["asked"][name] = seen["asked"].get(name, 0) + 1
            address = socket.inet_aton(plan[min(times, 2) - 1])
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + address
        flags = 0x8180 if plan else 0x8183
        head = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if answer else 0, 0, 0)
        server.sendto(head + query[12:at + 5] + answer, peer)

def serve(address, port, answer):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(16)
    def loop():
        while True:
            stream, _ = listener.accept()
            answer(stream)
            stream.close()
    threading.Thread(target=loop, daemon=True).start()

def page(stream):
    path = stream.recv(4096).split(b" ")[1].decode()
    seen["pages"].append(path)
    head = "302 Found\r\nlocation: /there" if path == "/moved" else "200 OK"
    stream.sendall(f"HTTP/1.1 {head}\r\ncontent-length: 6\r\nconnection: close\r\n\r\npublic".encode())

def victim(stream):
    seen["victim"] += 1
    stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nvictim")

threading.Thread(target=names, daemon=True).start()
for port in (80, 8000):
    serve(public, port, page)
    serve("127.0.0.1", port, victim)
done = subprocess.run(command, capture_output=True, text=True)
print(json.dumps({"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "seen": seen}))
"#;

/// Gets a page; a person has said yes beforehand.
const GET: &str = "schema: 1\nname: get\ndescription: Gets a page.\ninputs: { url: { type: string } }\npermissions: { tools: [http_get], network: [steady.example, flips.example, flipped.example, moves.example] }\nsteps:\n  - { id: a, tool: http_get, args: { url: \"${{ inputs.url }}\" } }\noutputs: { said: \"${{ steps.a.data.text }}\" }\n";
const YES: [&str; 4] = ["--yes-approve", "net.read", "--yes-approve", "web.plain"];

struct Stage(Space);

impl Stage {
    /// `None`, with a line that says so, where no such network can be made.
    fn new() -> Option<Self> {
        let may = rustix::process::geteuid().is_root()
            && Command::new("unshare")
                .args(["-mn", "ip", "link"])
                .output()
                .is_ok_and(|it| it.status.success());
        if !may {
            println!("skipped: no network of the test's own can be made here");
            return None;
        }
        let space = Space::new();
        space.write("../stage.py", STAGE);
        space.write("playbooks/get.yaml", GET);
        space.write("config/bailiwick.yaml", "schema: 1\nsandbox:\n  proxy: { hosts: [\"http://steady.example\", \"http://flips.example\", \"http://flipped.example\"] }\n  profiles: { shell_exec: { net: proxy } }\n");
        space.run(&["trust"]).expect(0);
        Some(Self(space))
    }

    /// The program in a network of its own, with what was seen there.
    fn run(&self, args: &[&str]) -> (Ran, Value) {
        let program = env!("CARGO_BIN_EXE_bailiwick");
        let mut words = vec!["-mn", "python3", "../stage.py", PUBLIC, program];
        words.extend(args);
        let mut command = Command::new("unshare");
        command.args(&words).current_dir(self.0.root()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.0.home());
        let output = command.output().unwrap();
        let ran = Ran::of(output).expect(0).json();
        let text = |name: &str| ran[name].as_str().unwrap().to_owned();
        let code = ran["code"].as_i64().unwrap().try_into().unwrap();
        (Ran { code, stdout: text("stdout"), stderr: text("stderr") }, ran["seen"].clone())
    }

    fn get(&self, url: &str) -> (Ran, Value) {
        self.run_of("get", url)
    }

    fn run_of(&self, playbook: &str, url: &str) -> (Ran, Value) {
        let input = format!("url={url}");
        let mut args = vec!["run", playbook, "--json", "--input", &input];
        args.extend(YES);
        self.run(&args)
    }
}

#[test]
fn what_is_called_is_what_was_judged() {
    let Some(stage) = Stage::new() else { return };
    // Looked up once: what the name says afterwards does not matter.
    for name in ["steady.example", "flips.example"] {
        let (ran, seen) = stage.get(&format!("http://{name}/"));
        let report = ran.expect(0).json();
        assert_eq!(report["outputs"]["said"], "public", "{report}");
        assert_eq!((&seen["victim"], &seen["asked"][name]), (&0.into(), &1.into()), "{seen}");
    }
    // A public name that leads here is refused, and nothing is sent.
    let (ran, seen) = stage.get("http://flipped.example/");
    ran.expect(1).says(&["forbidden", "loopback address 127.0.0.1"]);
    assert_eq!(
        (&seen["victim"], seen["pages"].as_array().unwrap().len()),
        (&0.into(), 0),
        "{seen}"
    );
}

#[test]
fn a_redirect_is_looked_up_and_judged_again() {
    let Some(stage) = Stage::new() else { return };
    for (name, says) in [
        ("flips.example", "loopback address 127.0.0.1"),
        ("moves.example", "address 169.254.169.254"),
    ] {
        let (ran, seen) = stage.get(&format!("http://{name}/moved"));
        ran.expect(1).says(&["forbidden", says]);
        assert_eq!(seen["pages"], serde_json::json!(["/moved"]), "{seen}");
        assert_eq!((&seen["victim"], &seen["asked"][name]), (&0.into(), &2.into()), "{seen}");
    }
    let (ran, seen) = stage.get("http://steady.example/moved");
    ran.expect(0);
    assert_eq!(seen["pages"], serde_json::json!(["/moved", "/there"]), "{seen}");
}

#[test]
fn the_proxy_of_a_cell_calls_what_it_judged() {
    let Some(stage) = Stage::new() else { return };
    let fetch = "schema: 1\nname: fetch\ndescription: Fetches.\ninputs: { url: { type: string } }\npermissions: { tools: [shell_exec], read: [\".\"], network: [steady.example, flips.example, flipped.example] }\nsteps:\n  - { id: a, tool: shell_exec, args: { command: [python3, fetch.py, \"${{ inputs.url }}\"] } }\noutputs: { said: \"${{ steps.a.data.stdout }}\" }\n";
    stage.0.write("playbooks/fetch.yaml", fetch);
    stage.0.write("fetch.py", "import sys, urllib.error, urllib.request\ntry:\n  print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())\nexcept urllib.error.HTTPError as error:\n  print('refused', error.code)\n");
    stage.0.run(&["trust"]).expect(0);
    for (name, says) in [
        ("steady.example", "public"),
        ("flips.example", "public"),
        ("flipped.example", "refused 403"),
    ] {
        let (ran, seen) = stage.run_of("fetch", &format!("http://{name}/"));
        let report = ran.expect(0).json();
        assert_eq!(report["outputs"]["said"].as_str().unwrap().trim(), says, "{name}: {report}");
        assert_eq!(seen["victim"], 0, "{name}: {seen}");
    }
}
