//! What is refused before anything is connected, and what is said.

use std::io::{Error, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::gate::Gate;
use super::super::limits::TIMES;
use super::stage::{BRIEF, HERE, Stage, echo, gate};

const ENTRIES: &[&str] = &[
    "a.example",
    "*.b.example",
    "odd.example:8443",
    "http://plain.example",
    "http://p.example:8080",
];

/// A gate that answers every lookup with the same addresses.
fn answering(addresses: &[&str]) -> Gate {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    gate(ENTRIES, &[]).with_lookup(Arc::new(move |_, _| Ok(addresses.clone())))
}

#[test]
fn every_refusal_has_its_status_and_says_why() {
    let stage = Stage::new(answering(&["127.0.0.1"]));
    let cases: &[(&str, &str)] = &[
        ("CONNECT c.example:443", "403 c.example:443 is not listed"),
        ("CONNECT b.example:443", "403 b.example:443 is not listed"),
        ("CONNECT a.example.evil.example:443", "403 a.example.evil.example:443 is not listed"),
        ("CONNECT xb.example:443", "403 xb.example:443 is not listed"),
        ("CONNECT a.example:22", "403 a.example is listed (a.example), but not with port 22"),
        ("CONNECT a.example:8443", "403 a.example is listed (a.example), but not with port 8443"),
        (
            "CONNECT odd.example:443",
            "403 odd.example is listed (odd.example:8443), but not with port 443",
        ),
        ("CONNECT plain.example:80", "403 plain.example is listed for plain HTTP only"),
        ("CONNECT plain.example:443", "403 plain.example is listed for plain HTTP only"),
        ("GET http://a.example/", "403 a.example is listed for HTTPS only"),
        ("GET http://a.example:443/", "403 a.example is listed for HTTPS only"),
        ("GET http://x.b.example/", "403 x.b.example is listed for HTTPS only"),
        (
            "GET http://p.example/",
            "403 p.example is listed (http://p.example:8080), but not with port 80",
        ),
        ("GET http://c.example/", "403 c.example:80 is not listed"),
        ("CONNECT 127.0.0.1:443", "403 127.0.0.1:443 is an address"),
        ("CONNECT 127.1:443", "403 127.1:443 is an address"),
        ("CONNECT 2130706433:443", "403 2130706433:443 is an address"),
        ("CONNECT 0x7f000001:443", "403 0x7f000001:443 is an address"),
        ("CONNECT 0X7F.1:443", "403 0X7F.1:443 is an address"),
        ("CONNECT 0177.0.0.1:443", "403 0177.0.0.1:443 is an address"),
        ("CONNECT 8.8.8.8.:443", "403 8.8.8.8.:443 is an address"),
        ("CONNECT [::1]:443", "403 [::1]:443 is an address"),
        ("CONNECT [::ffff:10.0.0.1]:443", "403 [::ffff:10.0.0.1]:443 is an address"),
        ("CONNECT ::1:443", "403 ::1:443 is an address"),
        ("GET http://2130706433/", "403 2130706433 is an address"),
        ("GET http://[::ffff:7f00:1]/", "403 [::ffff:7f00:1] is an address"),
        ("CONNECT u:p@a.example:443", "400 `https://u:p@a.example:443` has a user name"),
        ("GET http://u@plain.example/", "400 "),
        ("CONNECT a.example%00:443", "400 "),
        ("CONNECT [fe80::1%25lo]:443", "400 "),
        ("CONNECT 999.1.1.1.1:443", "400 "),
        ("CONNECT a..example:443", "400 "),
        ("CONNECT :443", "400 "),
        ("CONNECT a.example:99999", "400 "),
        ("CONNECT a.example", "400 CONNECT takes host:port"),
        ("GET https://a.example/", "400 only http:// is asked for like this"),
        ("GET /", "400 this is a proxy"),
        ("PRI *", "400 this is a proxy"),
        ("CONNECT a.example:443", "403 a.example has the loopback address 127.0.0.1"),
    ];
    for (request, expected) in cases {
        let target = request.split(' ').nth(1).unwrap();
        let host = target.trim_start_matches("http://").trim_end_matches('/');
        let answer = stage.ask(format!("{request} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{request}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let reason = head.lines().next().unwrap().get(13..).unwrap();
        assert_eq!(body, format!("{reason}\n"), "the line is the body as well");
    }
    let refused = stage.proxy.stop();
    assert_eq!(refused.len(), 33, "32 and a count: {refused:#?}");
    assert!(refused[0].starts_with("proxy refused: "), "{refused:?}");
    assert!(refused[32].ends_with("more"), "{refused:?}");
}

#[test]
fn bytes_that_are_no_letters_of_a_host_are_refused() {
    let stage = Stage::new(answering(&["127.0.0.1"]));
    for target in [
        &b"a.example\0.evil:443"[..],
        b"a.exampl\xc3\xa9:443",
        b"\xef\xbc\xa1.example:443",
        b"a.example\t:443",
        b"a.example\x7f:443",
        b"a.example/:443",
        b"a.example\\b:443",
    ] {
        let request = [b"CONNECT ", target, b" HTTP/1.1\r\n\r\n"].concat();
        let answer = stage.ask(&request);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target:?}: {answer}");
    }
}

#[test]
fn one_inner_address_is_enough_to_refuse_a_host() {
    let classes = [
        ("10.0.0.1", "private"),
        ("100.64.0.1", "private"),
        ("127.0.0.53", "loopback"),
        ("0.0.0.0", "loopback"),
        ("169.254.169.254", "metadata"),
        ("169.254.1.1", "link_local"),
        ("203.0.113.80", "private"),
        ("224.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("::1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("2002:7f00:1::", "loopback"),
        ("fe80::1", "link_local"),
        ("fd00:ec2::254", "metadata"),
        ("fc00::1", "private"),
    ];
    for (address, class) in classes {
        for addresses in [vec![address], vec!["93.184.215.14", address, "2606:4700::1"]] {
            let stage = Stage::new(answering(&addresses));
            let answer = stage.ask(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
            let expected = format!("HTTP/1.1 403 a.example has the {class} address ");
            assert!(answer.starts_with(&expected), "{addresses:?}: {answer}");
        }
    }
}

#[test]
fn a_name_is_looked_up_once_and_what_was_judged_is_what_is_connected_to() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    // A name that is public the first time, and this machine the second.
    let rebinding = gate(ENTRIES, &[]).with_lookup(Arc::new(move |_, _| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { "240.0.0.1".parse().unwrap() } else { HERE }])
    }));
    let stage = Stage::within(rebinding, BRIEF);
    let answer = stage.ask(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 403 a.example has the private address 240.0.0.1"),
        "{answer}"
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_bound_host_is_never_looked_up() {
    let port = echo();
    let entry = format!("bound.example:{port}");
    let gate = gate(&[&entry], &["Bound.Example."]);
    let stage = Stage::new(gate.with_lookup(Arc::new(|_, _| panic!("it was looked up"))));
    drop(stage.tunnel(&entry));
    assert!(stage.proxy.stop().is_empty());
}

#[test]
fn a_lookup_that_fails_or_hangs_is_said_in_time() {
    let fails =
        gate(ENTRIES, &[]).with_lookup(Arc::new(|_, _| Err(Error::from(ErrorKind::NotFound))));
    let stage = Stage::new(fails);
    let answer = stage.ask(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 502 a.example cannot be looked up: "), "{answer}");
    let nothing = Stage::new(answering(&[]));
    let answer = nothing.ask(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 502 a.example has 0 addresses"), "{answer}");
    let hangs = gate(ENTRIES, &[]).with_lookup(Arc::new(|_, _| {
        thread::sleep(Duration::from_secs(3));
        Ok(Vec::new())
    }));
    let stage = Stage::within(hangs, BRIEF);
    let begun = Instant::now();
    let answer = stage.ask(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 504 a.example:443 could not be looked up in time"),
        "{answer}"
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_host_that_does_not_listen_is_said() {
    let free = std::net::TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port();
    let entry = format!("a.example:{free}");
    let stage = Stage::new(gate(&[&entry], &["a.example"]));
    let answer = stage.ask(format!("CONNECT {entry} HTTP/1.1\r\n\r\n").as_bytes());
    assert!(answer.starts_with(&format!("HTTP/1.1 502 {entry} cannot be reached: ")), "{answer}");
    assert_eq!(stage.proxy.stop().len(), 1);
}

#[test]
fn heads_are_bounded_in_bytes_and_time() {
    let stage = Stage::within(answering(&["127.0.0.1"]), BRIEF);
    let large = format!("CONNECT a.example:443 HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(70_000));
    let answer = stage.ask(large.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = stage.ask(b"CONNECT a.example:443 HTTP/1.1\r\nHost:");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let _ = TIMES;
}

#[test]
fn a_gate_refuses_lists_that_mean_nothing() {
    let bound = |name: &str, addresses: &[IpAddr]| {
        Gate::new(&[], &[(name.to_owned(), addresses.to_vec())].into()).is_err()
    };
    assert!(Gate::new(&["https://a.example".to_owned()], &Default::default()).is_err());
    assert!(
        bound("a.example", &[]) && bound("u@a.example", &[HERE]) && !bound("a.example", &[HERE])
    );
}
