//! Tunnels: TLS to the host that was named, both ways, as long as it takes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{
    BRIEF, Stage, echo, extension, gate, head, host, in_thread, message, naming, records, rest,
    tls_to,
};

fn to_echo() -> (Stage, String) {
    let entry = format!("a.example:{}", echo());
    (Stage::new(gate(&[&entry], &["a.example"])), entry)
}

#[test]
fn carries_bytes_both_ways_behind_the_first_message() {
    let (stage, entry) = to_echo();
    let mut client = stage.tunnel(&entry);
    let sent = [tls_to("A.example"), b"and what follows".to_vec()].concat();
    client.write_all(&sent).unwrap();
    let mut back = vec![0; sent.len()];
    client.read_exact(&mut back).unwrap();
    assert_eq!(back, sent);
    client.write_all(b"more").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "more");
    assert!(stage.proxy.stop().is_empty());
}

#[test]
fn a_first_message_that_came_with_the_request_or_in_crumbs_is_the_same() {
    let (stage, entry) = to_echo();
    let hello = records(&message(&naming("a.example")), 30);
    let mut eager = stage.client();
    let request = format!("CONNECT {entry} HTTP/1.1\r\nHost: {entry}\r\n\r\n");
    eager.write_all(&[request.as_bytes(), &hello].concat()).unwrap();
    let mut slow = stage.tunnel(&entry);
    for byte in &hello {
        slow.write_all(&[*byte]).unwrap();
    }
    head(&mut eager);
    for client in [&mut eager, &mut slow] {
        let mut back = vec![0; hello.len()];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, hello);
    }
}

#[test]
fn what_is_not_tls_to_this_host_never_reaches_it() {
    let reached = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reached);
    let port = host(move |mut stream| {
        let mut byte = [0];
        if stream.read(&mut byte).is_ok_and(|count| count > 0) {
            seen.store(true, Ordering::SeqCst);
        }
    });
    let entry = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&entry, "b.example"], &["a.example", "b.example"]));
    let cases: [(Vec<u8>, &str); 8] = [
        (tls_to("b.example"), "TLS is for b.example, which is another host"),
        (tls_to("x.a.example"), "TLS is for x.a.example, which is another host"),
        (records(&message(&extension(10, &[])), 99), "TLS names no server (SNI)"),
        (
            records(&message(&[naming("a.example"), extension(0xfe0d, &[0])].concat()), 99),
            "TLS hides the name",
        ),
        (b"CONNECT b.example:443 HTTP/1.1\r\n\r\n".to_vec(), "is no TLS"),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(), "is no TLS"),
        (b"SSH-2.0-x\r\n".to_vec(), "is no TLS"),
        (vec![0; 2_000], "is no TLS"),
    ];
    let count = cases.len();
    for (bytes, _) in &cases {
        let mut client = stage.tunnel(&entry);
        client.write_all(bytes).unwrap();
        let mut end = Vec::new();
        let _ = client.read_to_end(&mut end);
        assert_eq!(end, [21, 3, 1, 0, 2, 2, 112], "an alert, and the end");
    }
    let refused = stage.proxy.stop();
    for (_, why) in cases {
        assert!(refused.iter().any(|line| line.contains(why)), "{why}: {refused:#?}");
    }
    assert!(refused.len() <= count);
    assert!(!reached.load(Ordering::SeqCst), "a byte went through");
}

#[test]
fn a_client_that_says_nothing_or_half_is_ended() {
    let entry = format!("a.example:{}", echo());
    let stage = Stage::within(gate(&[&entry], &["a.example"]), BRIEF);
    let begun = Instant::now();
    let mut silent = stage.tunnel(&entry);
    let mut half = stage.tunnel(&entry);
    half.write_all(&tls_to("a.example")[..40]).unwrap();
    let mut gone = stage.tunnel(&entry);
    gone.write_all(&tls_to("a.example")[..40]).unwrap();
    gone.shutdown(Shutdown::Write).unwrap();
    for client in [&mut silent, &mut half, &mut gone] {
        rest(client);
    }
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(stage.proxy.stop().len(), 2);
}

#[test]
fn an_end_in_one_direction_leaves_the_other_open() {
    let port = host(|mut stream| {
        // Speaks only when the client has ended, and ends first the other time.
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        thread::sleep(Duration::from_millis(100));
        stream.write_all(b"late answer").unwrap();
    });
    let entry = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&entry], &["a.example"]));
    let mut client = stage.tunnel(&entry);
    client.write_all(&tls_to("a.example")).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "late answer");
}

#[test]
fn idle_tunnels_end_and_those_at_work_do_not() {
    let port = host(|mut stream| {
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).unwrap();
        // Longer than the idle time as a whole, never idle for long, and the client says nothing.
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(50));
            stream.write_all(b"x").unwrap();
        }
        let mut end = Vec::new();
        let _ = stream.read_to_end(&mut end);
    });
    let entry = format!("a.example:{port}");
    let stage = Stage::within(gate(&[&entry], &["a.example"]), BRIEF);
    let mut client = stage.tunnel(&entry);
    client.write_all(&tls_to("a.example")).unwrap();
    let begun = Instant::now();
    assert_eq!(rest(&mut client), "xxxxxxxxxx");
    assert!(begun.elapsed() > Duration::from_millis(600), "ended while bytes went through");
    assert!(begun.elapsed() < Duration::from_secs(3), "did not end when idle");
}

#[test]
fn a_hundred_clients_at_once_are_all_served() {
    let (stage, entry) = to_echo();
    let (address, start) = (stage.address, Arc::new(Barrier::new(100)));
    let clients: Vec<_> = (0..100_u8)
        .map(|number| {
            let (entry, start) = (entry.clone(), Arc::clone(&start));
            in_thread(move || {
                start.wait();
                let mut client = TcpStream::connect(address).unwrap();
                client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                client.write_all(format!("CONNECT {entry} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
                assert!(head(&mut client).starts_with("HTTP/1.1 200 "));
                let sent = [tls_to("a.example"), vec![number; 10_000]].concat();
                client.write_all(&sent).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let mut back = Vec::new();
                client.read_to_end(&mut back).unwrap();
                assert!(back == sent);
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert!(stage.proxy.stop().is_empty());
}

#[test]
fn a_hundred_megabytes_go_through() {
    const TOTAL: usize = 100 << 20;
    let port = host(|mut stream| {
        let mut hello = vec![0; tls_to("a.example").len()];
        stream.read_exact(&mut hello).unwrap();
        let part = vec![7; 1 << 20];
        for _ in 0..TOTAL >> 20 {
            stream.write_all(&part).unwrap();
        }
    });
    let entry = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&entry], &["a.example"]));
    let mut client = stage.tunnel(&entry);
    client.write_all(&tls_to("a.example")).unwrap();
    let (mut got, mut buffer, begun) = (0, vec![0; 1 << 20], Instant::now());
    loop {
        match client.read(&mut buffer).unwrap() {
            0 => break,
            count => got += count,
        }
    }
    assert_eq!(got, TOTAL);
    eprintln!("100 MiB in {} ms", begun.elapsed().as_millis());
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn stopping_ends_what_is_under_way_at_once() {
    let entry = format!("a.example:{}", echo());
    let hangs = gate(&[&entry, "slow.example"], &["a.example"]).with_lookup(Arc::new(|_, _| {
        thread::sleep(Duration::from_secs(3));
        Ok(Vec::new())
    }));
    let stage = Stage::new(hangs);
    let mut open = stage.tunnel(&entry);
    open.write_all(&tls_to("a.example")).unwrap();
    let mut before_tls = stage.tunnel(&entry);
    let mut silent = stage.client();
    let mut looking_up = stage.client();
    looking_up.write_all(b"CONNECT slow.example:443 HTTP/1.1\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    assert!(stage.proxy.stop().is_empty(), "the end is no refusal");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for client in [&mut open, &mut before_tls, &mut silent, &mut looking_up] {
        rest(client);
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    // Nobody accepts any more.
    let again = TcpStream::connect(stage.address);
    assert!(again.map_or(true, |mut client| rest(&mut client).is_empty()));
}
