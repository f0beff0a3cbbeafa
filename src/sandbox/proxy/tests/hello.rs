//! Reading the first message of TLS.

use proptest::prelude::*;

use super::super::hello::{HelloFault, Read, server_name};
use super::super::limits::HELLO_BYTES_MAX;
use super::stage::{extension, message, naming, records, tls_to};

#[test]
fn finds_the_name_however_the_message_is_cut() {
    let hello = message(&[extension(43, &[2, 3, 4]), naming("Docs.Example.ORG")].concat());
    for size in [1, 2, 3, 5, 40, 100, 16_384] {
        let bytes = records(&hello, size);
        for end in 0..bytes.len() {
            assert_eq!(server_name(&bytes[..end]), Ok(Read::More), "{end} of {size}");
        }
        assert_eq!(server_name(&bytes), Ok(Read::For("docs.example.org".to_owned())));
        let followed = [bytes, vec![23, 3, 3, 0, 1, 0]].concat();
        assert_eq!(server_name(&followed), Ok(Read::For("docs.example.org".to_owned())));
    }
}

#[test]
fn refuses_what_is_no_tls_or_names_no_server() {
    use HelloFault::{Broken, Hidden, Nameless, NotTls};
    let two_names = {
        let one = [&[0][..], &[0, 1], b"a"].concat();
        extension(0, &[&[0, 8][..], &one, &one].concat())
    };
    let hello = |extensions: &[u8]| records(&message(extensions), 16_384);
    let mut trailing = message(&naming("a.example"));
    trailing.push(0);
    let mut no_extensions = message(&[]);
    no_extensions.truncate(no_extensions.len() - 2);
    no_extensions[3] -= 2;
    let cases = [
        (b"CONNECT b.example:443 HTTP/1.1\r\n\r\n".to_vec(), NotTls),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), NotTls),
        (b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), NotTls),
        (vec![0x80, 0x2e, 1, 0, 2], NotTls),
        (vec![22, 2, 1], NotTls),
        (vec![22, 3, 1, 0, 0], NotTls),
        (vec![22, 3, 1, 0xff, 0xff], NotTls),
        (vec![23, 3, 3, 0, 1, 0], NotTls),
        (records(&[2, 0, 0, 0], 4), NotTls),
        (hello(&extension(10, &[])), Nameless),
        (hello(&[]), Nameless),
        (records(&no_extensions, 16_384), Nameless),
        (hello(&naming("")), Broken),
        (hello(&naming("a b")), Broken),
        (hello(&naming("a\0.example")), Broken),
        (hello(&[naming("a.example"), naming("b.example")].concat()), Broken),
        (hello(&two_names), Broken),
        (hello(&extension(0, &[0, 4, 1, 0, 1, b'a'])), Broken),
        (hello(&[0, 0, 0xff, 0xff, 0]), Broken),
        (records(&trailing, 16_384), Broken),
        (hello(&[naming("a.example"), extension(0xfe0d, &[0])].concat()), Hidden),
        (hello(&[extension(0xffce, &[0]), naming("a.example")].concat()), Hidden),
    ];
    for (bytes, fault) in cases {
        assert_eq!(server_name(&bytes), Err(fault), "{bytes:?}");
    }
}

#[test]
fn a_message_without_end_is_refused_at_the_bound() {
    let large = message(&extension(21, &vec![0; HELLO_BYTES_MAX]));
    assert_eq!(server_name(&records(&large, 1_000)), Err(HelloFault::TooLarge));
    let stated = [&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff][..]].concat();
    assert_eq!(server_name(&stated), Err(HelloFault::TooLarge));
    let crumbs: Vec<u8> =
        [22, 3, 1, 0, 1, 1].into_iter().chain([22, 3, 1, 0, 1, 0].repeat(2)).collect();
    assert_eq!(server_name(&crumbs), Ok(Read::More));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_name_another_host(
        at in 0_usize..90, byte in any::<u8>(), end in 0_usize..90, noise in proptest::collection::vec(any::<u8>(), 0..200)
    ) {
        let _ = server_name(&noise);
        let mut bytes = tls_to("a.example");
        if let Some(place) = bytes.get_mut(at) { *place = byte; }
        let _ = server_name(&bytes[..end.min(bytes.len())]);
        let _ = server_name(&bytes);
    }
}
