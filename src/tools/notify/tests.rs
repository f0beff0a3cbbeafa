//! Messages to peers that are really there: a web server, a mail server, a program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::ports::{Channels, MailChannel, MailSecurity, Webhook};
use crate::tools::fixture::Bench;

/// Takes one connection, does `serve` with it, and tells what was said.
fn peer(serve: impl Fn(TcpStream) -> String + Send + 'static) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn web(status: &'static str) -> (u16, JoinHandle<String>) {
    peer(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut said, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            said.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        stream.write_all(answer.as_bytes()).unwrap();
        said.push_str(std::str::from_utf8(&body).unwrap());
        said
    })
}

/// A mail server of RFC 5321 that answers each command by `answers`; what it does not find there is fine.
fn mail_server(answers: &'static [(&'static str, &'static str)]) -> (u16, JoinHandle<String>) {
    peer(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut said, mut in_data) = (String::new(), false);
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return said;
            }
            said.push_str(&line);
            let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
            let fine = match word.as_str() {
                _ if in_data && line != ".\r\n" => continue,
                "EHLO" => "250-mail.example\r\n250 AUTH PLAIN",
                "DATA" => "354 go on",
                "AUTH" => "235 come in",
                _ => "250 fine",
            };
            in_data = word == "DATA";
            let answer = answers.iter().find(|(command, _)| *command == word);
            let answer = answer.map_or(fine, |(_, answer)| answer);
            in_data &= answer.starts_with("354");
            stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
    })
}

fn mail_to(port: u16) -> MailChannel {
    MailChannel {
        host: "127.0.0.1".to_owned(),
        port,
        security: MailSecurity::None,
        from: "Bailiwick <runner@a.example>".to_owned(),
        to: vec!["ann@a.example".to_owned(), "bob@a.example".to_owned()],
        login: Some(("runner".to_owned(), "sesame-1".to_owned())),
    }
}

fn told(channels: Channels, args: Value) -> (Value, Vec<String>) {
    let mut bench = Bench::new();
    bench.context_mut().channels = channels;
    let output = bench.call("user_notification", args);
    assert_eq!(output.error, None);
    (output.data.unwrap(), output.logs)
}

#[test]
fn every_channel_that_is_configured_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (program, heard) = (dir.path().join("notify-send"), dir.path().join("heard"));
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >{0}\nenv >>{0}\n", heard.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (web_port, web) = web("200 OK");
    let (mail_port, mail) = mail_server(&[]);
    let token = Some("sesame-2".to_owned());
    let hook = Webhook { url: format!("http://127.0.0.1:{web_port}/hook?key=k"), token };
    let channels = Channels {
        desktop: Some(program),
        webhook: Some(Ok(hook)),
        mail: Some(Ok(mail_to(mail_port))),
    };
    let args = json!({ "text": "Größe <b>1</b>\n.\nend", "severity": "warning", "title": "disk" });
    let (data, _) = told(channels, args);
    assert_eq!(
        data,
        json!({ "delivered_to": ["log", "desktop", "webhook", "mail"], "failed": [] })
    );

    let heard = fs::read_to_string(heard).unwrap();
    let words = "--app-name=bailiwick\n--urgency\ncritical\n--\n[warning] disk\n";
    assert!(heard.starts_with(&format!("{words}Größe &lt;b&gt;1&lt;/b&gt;\n")), "{heard}");
    assert!(heard.contains("DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/"), "{heard}");
    assert!(!heard.contains("CARGO"), "no variables of this process: {heard}");

    let said = web.join().unwrap();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /hook?key=k http/1.1"), "{head}");
    for line in [
        "content-type: application/json",
        "authorization: bearer sesame-2",
        "idempotency-key: call_",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["text"], "Größe <b>1</b>\n.\nend");
    assert_eq!((&body["severity"], &body["title"]), (&json!("warning"), &json!("disk")));

    let said = mail.join().unwrap();
    for line in [
        "MAIL FROM:<runner@a.example>",
        "RCPT TO:<ann@a.example>",
        "RCPT TO:<bob@a.example>",
        "Subject: [warning] disk\r\n",
        "Message-ID: <call_",
        "To: ann@a.example, bob@a.example\r\n",
        // `\0runner\0sesame-1`
        "AUTH PLAIN AHJ1bm5lcgBzZXNhbWUtMQ==\r\n",
        "\r\n.\r\nQUIT\r\n",
    ] {
        assert!(said.contains(line), "{line:?} in {said}");
    }
}

#[test]
fn a_channel_that_fails_is_named_and_keeps_no_other_from_it() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let web_to = |port: u16, token: Option<&str>| Webhook {
        url: format!("http://127.0.0.1:{port}/secret-path"),
        token: token.map(str::to_owned),
    };
    let (busy, busy_served) = web("503 Busy");
    let (away, away_served) = web("302 Found\r\nlocation: http://127.0.0.1/");
    let (full, full_served) = mail_server(&[("RCPT", "452 the box is full")]);
    let (closed, closed_served) = mail_server(&[("AUTH", "535 who are you")]);
    let hook = |hook| Channels { webhook: Some(hook), ..Channels::default() };
    let mail = |mail| Channels { mail: Some(mail), ..Channels::default() };
    let far = Webhook { url: "http://a.example/x".to_owned(), token: Some("sesame".to_owned()) };
    let unprotected = MailChannel { host: "mail.invalid".to_owned(), ..mail_to(25) };
    let odd = MailChannel { from: "nobody".to_owned(), ..mail_to(25) };
    let starttls = |port| MailChannel { security: MailSecurity::StartTls, ..mail_to(port) };
    let (plain, plain_served) = mail_server(&[]);
    let program = std::path::PathBuf::from("/nowhere/notify-send");
    for (channel, channels, says) in [
        ("webhook", hook(Ok(web_to(busy, None))), "503"),
        ("webhook", hook(Ok(web_to(away, None))), "302"),
        ("webhook", hook(Ok(web_to(nobody, None))), "cannot be fetched"),
        ("webhook", hook(Ok(far)), "use https"),
        ("webhook", hook(Ok(Webhook { url: "nowhere".to_owned(), token: None })), "no https"),
        ("webhook", hook(Err("there is no secret `HOOK`".to_owned())), "`HOOK`"),
        ("mail", mail(Ok(mail_to(full))), "the box is full"),
        ("mail", mail(Ok(mail_to(closed))), "who are you"),
        ("mail", mail(Ok(mail_to(nobody))), "127.0.0.1"),
        ("mail", mail(Ok(unprotected)), "not protected"),
        ("mail", mail(Ok(odd)), "notify.mail.from"),
        ("mail", mail(Ok(starttls(plain))), "STARTTLS"),
        (
            "desktop",
            Channels { desktop: Some(program), ..Channels::default() },
            "cannot be started",
        ),
        (
            "desktop",
            Channels { desktop: Some("/bin/false".into()), ..Channels::default() },
            "ended with",
        ),
    ] {
        let (data, logs) = told(channels, json!({ "text": "x" }));
        assert_eq!(data["delivered_to"], json!(["log"]), "{says}");
        assert_eq!(data["failed"][0]["channel"], channel, "{says}");
        let why = data["failed"][0]["why"].as_str().unwrap();
        assert!(why.contains(says), "{says} in {why}");
        assert!(!why.contains("secret-path"), "{why}");
        assert_eq!(logs[1], format!("{channel}: not delivered: {why}"));
    }
    for served in [busy_served, away_served, full_served, closed_served, plain_served] {
        served.join().unwrap();
    }
}
