//! Who is let in.

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}

fn guard(token: Option<&str>) -> Guard {
    let none = std::path::Path::new("/nowhere");
    Guard::new(
        Tokens::of(none).with_execution(token),
        &["Runner.example.org".to_owned(), "proxy.example.org:444".to_owned()],
    )
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

const CALLED: &str = "127.0.0.1:8787";

#[test]
fn only_our_names_are_answered() {
    for (host, expected) in [
        ("localhost:8787", 200),
        ("LOCALHOST:8787", 200),
        ("127.0.0.1:8787", 200),
        ("127.9.9.9:8787", 200),
        ("[::1]:8787", 200),
        ("runner.example.org", 200),
        ("runner.example.org.", 200),
        ("runner.example.org:9999", 200),
        ("proxy.example.org:444", 200),
        ("proxy.example.org", 421),
        ("proxy.example.org:445", 421),
        ("localhost", 421),
        ("localhost:8788", 421),
        ("evil.example.org:8787", 421),
        ("127.0.0.1.evil.example.org:8787", 421),
        ("10.0.0.1:8787", 421),
        ("x@localhost:8787", 421),
        ("localhost:99999", 421),
        ("localhost.:8787", 200),
        ("localhost..:8787", 421),
        ("127.0.0.1.:8787", 421),
        ("127.0.0.1..:8787", 421),
        ("127.0.0.1:+8787", 421),
        ("127.0.0.1:08787", 421),
        ("127.0.0.1:", 421),
        ("runner.example.org:", 421),
        ("[127.0.0.1]:8787", 421),
        ("[::1", 421),
        ("::1:8787", 421),
        ("", 421),
    ] {
        let peer = Peer::Tcp(CALLED.parse().unwrap());
        let checked =
            guard(None).check_names(peer, &Uri::from_static("/"), &headers(&[("host", host)]));
        assert_eq!(checked.map_or_else(|p| p.status().as_u16(), |()| 200), expected, "{host}");
    }
}

#[test]
fn an_address_is_ours_where_it_was_called() {
    let peer = Peer::Tcp("192.0.2.7:8787".parse().unwrap());
    for (host, expected) in [("192.0.2.7:8787", true), ("192.0.2.8:8787", false)] {
        let checked =
            guard(None).check_names(peer, &Uri::from_static("/"), &headers(&[("host", host)]));
        assert_eq!(checked.is_ok(), expected, "{host}");
    }
}

#[test]
fn two_hosts_or_another_one_in_the_address_are_refused() {
    let peer = Peer::Tcp(CALLED.parse().unwrap());
    let ours = ("host", "localhost:8787");
    let check = |uri: &'static str, headers: HeaderMap| {
        let checked = guard(None).check_names(peer, &Uri::from_static(uri), &headers);
        checked.map_or_else(|problem| problem.status().as_u16(), |()| 200)
    };
    assert_eq!(check("/", headers(&[])), 400);
    assert_eq!(check("/", headers(&[ours, ours])), 400);
    assert_eq!(check("http://evil.example.org/runs", headers(&[ours])), 421);
    assert_eq!(check("http://localhost:8787/runs", headers(&[ours])), 200);
}

#[test]
fn what_can_only_be_meant_once_is_refused_twice() {
    let cookie = format!("{SESSION_COOKIE}=a");
    let cookies = format!("{cookie}; theme=dark; {cookie}");
    for name in ONCE {
        assert!(Guard::check_once(&headers(&[(name, "a")])).is_ok(), "{name}");
        let refused = Guard::check_once(&headers(&[(name, "a"), (name, "a")])).unwrap_err();
        assert_eq!(refused.status(), 400, "{name}");
        assert!(refused.document()["detail"].as_str().unwrap().contains(name));
    }
    for (pairs, right) in [
        (&[("cookie", cookie.as_str()), ("cookie", "theme=dark")][..], true),
        (&[("cookie", cookie.as_str()), ("cookie", cookie.as_str())][..], false),
        (&[("cookie", cookies.as_str())][..], false),
        (&[("accept", "a"), ("accept", "b")][..], true),
    ] {
        assert_eq!(Guard::check_once(&headers(pairs)).is_ok(), right, "{pairs:?}");
    }
}

#[test]
fn only_our_pages_may_call() {
    for (origin, expected) in [
        ("http://localhost:8787", 200),
        ("http://127.0.0.1:8787", 200),
        ("https://runner.example.org", 200),
        ("https://proxy.example.org:444", 200),
        ("null", 403),
        ("http://localhost:3000", 403),
        ("https://evil.example.org", 403),
        ("file://", 403),
        ("http://localhost:8787.evil.example.org", 403),
        ("", 403),
    ] {
        let peer = Peer::Tcp(CALLED.parse().unwrap());
        let headers = headers(&[("host", "localhost:8787"), ("origin", origin)]);
        let checked = guard(None).check_names(peer, &Uri::from_static("/"), &headers);
        assert_eq!(checked.map_or_else(|p| p.status().as_u16(), |()| 200), expected, "{origin}");
    }
}

#[test]
fn the_token_is_taken_in_either_header() {
    let guard = guard(Some("right"));
    for (pairs, expected) in [
        (&[][..], 401),
        (&[("x-execution-token", "right")][..], 200),
        (&[("x-execution-token", "wrong")][..], 401),
        (&[("x-execution-token", "righ")][..], 401),
        (&[("x-execution-token", "")][..], 401),
        (&[("authorization", "Bearer right")][..], 200),
        (&[("authorization", "bearer right")][..], 200),
        (&[("authorization", "Basic right")][..], 401),
        (&[("authorization", "Bearer")][..], 401),
        (&[("x-execution-token", "right"), ("authorization", "Bearer right")][..], 200),
        (&[("x-execution-token", "right"), ("authorization", "Bearer wrong")][..], 401),
        (&[("x-execution-token", "wrong"), ("authorization", "Bearer right")][..], 401),
        (&[("x-execution-token", "right"), ("authorization", "Basic wrong")][..], 200),
        (&[("cookie", "bailiwick_session=guess")][..], 401),
    ] {
        let peer = Peer::Tcp(CALLED.parse().unwrap());
        let caller = guard.identify(peer, &Method::GET, &headers(pairs), at(0));
        let status = caller.map_or_else(|problem| problem.status().as_u16(), |_| 200);
        assert_eq!(status, expected, "{pairs:?}");
    }
}

#[test]
fn the_socket_needs_no_token_and_says_who() {
    let peer = Peer::Unix(4_000_000_001);
    let caller = guard(Some("right")).identify(peer, &Method::POST, &headers(&[]), at(0));
    assert_eq!(caller.unwrap().by, "user:4000000001");
}

#[test]
fn a_browser_reads_with_its_cookie_and_changes_with_its_proof() {
    let guard = guard(Some("right"));
    let caller = guard.holder(b"right", at(0)).unwrap();
    assert_eq!(caller.by, "token:execution");
    let session = guard.sessions.begin(caller, [1; 32], [2; 32], 0);
    let cookie = format!("theme=dark; {SESSION_COOKIE}={}", session.cookie);
    let call = |method: Method, csrf: Option<&str>, now_ms| {
        let mut headers = headers(&[("cookie", &cookie)]);
        if let Some(csrf) = csrf {
            headers.insert(CSRF, csrf.parse().unwrap());
        }
        let peer = Peer::Tcp(CALLED.parse().unwrap());
        let caller = guard.identify(peer, &method, &headers, at(now_ms));
        caller.map_or_else(|problem| problem.status().as_u16(), |_| 200)
    };
    assert_eq!(call(Method::GET, None, 1), 200);
    assert_eq!(call(Method::POST, None, 1), 403);
    assert_eq!(call(Method::POST, Some("guess"), 1), 403);
    assert_eq!(call(Method::POST, Some(&session.csrf), 1), 200);
    assert_eq!(call(Method::GET, None, i64::MAX), 401);
    guard.sessions.end(&session.cookie);
    assert_eq!(call(Method::GET, None, 1), 401);
}
