//! Bytes that nobody should send.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{BRIEF, Stage, echo, gate, rest, tls_to};

/// Pseudo-random bytes: the same every time.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn noise_is_refused_and_harms_nobody() {
    let entry = format!("a.example:{}", echo());
    let stage = Stage::within(gate(&[&entry], &["a.example"]), BRIEF);
    for seed in 0..60 {
        let mut client = stage.client();
        let mut bytes = noise(seed, 300);
        if seed % 2 == 0 {
            bytes.extend(b"\r\n\r\n");
        }
        if seed % 3 == 0 {
            bytes = [b"CONNECT ", &bytes[..20], b" HTTP/1.1\r\n\r\n"].concat();
        }
        client.write_all(&bytes).unwrap();
        let answer = rest(&mut client);
        assert!(answer.starts_with("HTTP/1.1 4"), "{seed}: {answer}");
    }
    let mut client = stage.tunnel(&entry);
    client.write_all(&tls_to("a.example")).unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    assert!(stage.proxy.stop().len() <= 33);
}

#[test]
fn smuggled_requests_are_refused() {
    let entry = "http://a.example:9";
    let stage = Stage::new(gate(&[entry], &["a.example"]));
    let start = "POST http://a.example:9/ HTTP/1.1\r\nHost: a.example:9\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "Host: b.example\r\n",
        "Connection: Host\r\n",
        "Content-Length: -1\r\n",
    ] {
        let answer = stage.ask(format!("{start}{fields}\r\n0\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
    }
}

#[test]
fn slow_clients_hold_up_nobody_and_are_ended() {
    let entry = format!("a.example:{}", echo());
    let stage = Stage::within(gate(&[&entry], &["a.example"]), BRIEF);
    let begun = Instant::now();
    let mut slow: Vec<_> = (0..20).map(|_| stage.client()).collect();
    for round in 0..3 {
        for client in &mut slow {
            let _ = client.write_all(b"CONNECT a"[round..=round].as_ref());
        }
        thread::sleep(Duration::from_millis(20));
    }
    drop(stage.tunnel(&entry));
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    for client in &mut slow {
        assert!(rest(client).starts_with("HTTP/1.1 408 "));
    }
}
