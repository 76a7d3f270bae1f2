use super::*;
use crate::ingest::Budget;
use actix_web::http::header::HeaderValue;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

const LIMIT: usize = 100_000;

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| b"justcall"[at % 7]).collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn raw(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn decode(coding: Coding, body: Vec<u8>) -> Result<Bytes, Problem> {
    decode_under(coding, body, 10 * LIMIT)
}

fn decode_under(coding: Coding, body: Vec<u8>, budget: usize) -> Result<Bytes, Problem> {
    let mut permit = Budget::new(budget).admit(0).unwrap();
    let decode = coding.decode(Bytes::from(body), LIMIT, &mut permit);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(decode)
}

fn coding(values: &[&'static str]) -> Result<Coding, Problem> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
    }
    Coding::of(&headers)
}

#[test]
fn the_header_names_one_coding_in_any_case() {
    for (value, expected) in [
        ("gzip", Coding::Gzip),
        ("X-GZip", Coding::Gzip),
        (" deflate ", Coding::Deflate),
        ("Identity", Coding::Identity),
        ("", Coding::Identity),
    ] {
        assert_eq!(coding(&[value]), Ok(expected), "{value:?}");
    }
    assert_eq!(coding(&[]), Ok(Coding::Identity));
}

#[test]
fn other_codings_and_several_are_unsupported() {
    for values in [&["br"][..], &["gzip, gzip"], &["gzip", "deflate"], &["zstd"]] {
        assert_eq!(coding(values), Err(Problem::UnsupportedEncoding), "{values:?}");
    }
}

#[test]
fn each_coding_gives_the_body_back() {
    for len in [1, 1000, STEP, STEP + 1, LIMIT] {
        let body = text(len);
        assert_eq!(decode(Coding::Gzip, gzip(&body)).unwrap(), body);
        assert_eq!(decode(Coding::Deflate, zlib(&body)).unwrap(), body);
        assert_eq!(decode(Coding::Deflate, raw(&body)).unwrap(), body);
        assert_eq!(decode(Coding::Identity, body.clone()).unwrap(), body);
    }
}

#[test]
fn a_body_that_decodes_to_nothing_is_empty() {
    assert_eq!(decode(Coding::Gzip, gzip(b"")).unwrap(), "");
    assert_eq!(decode(Coding::Deflate, zlib(b"")).unwrap(), "");
    assert_eq!(decode(Coding::Gzip, Vec::new()).unwrap(), "");
}

#[test]
fn several_gzip_members_are_one_body() {
    let both = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(decode(Coding::Gzip, both).unwrap(), "one two");
}

/// Ten bytes of header, two of data and eight of checksum.
#[test]
fn gzip_of_too_many_members_is_left_as_it_came() {
    let member = gzip(b"");
    let members = |count| member.repeat(count);
    assert_eq!(decode(Coding::Gzip, members(MAX_MEMBERS)).unwrap(), "");
    let more = members(MAX_MEMBERS + 1);
    assert_eq!(decode(Coding::Gzip, more.clone()), Ok(Bytes::from(more)));
}

/// A body of empty blocks decodes to nothing, so a limit of decoded bytes bounds no work.
#[test]
fn other_requests_have_their_turn_while_a_body_is_decoded() {
    let empty_blocks = [0, 0, 0, 0xff, 0xff].repeat(20 * SLICE / 5);
    let gzip_header = &gzip(b"")[..10];
    for (coding, body) in [
        (Coding::Deflate, empty_blocks.clone()),
        (Coding::Gzip, [gzip_header, &empty_blocks].concat()),
        (Coding::Gzip, gzip(b"").repeat(20 * SLICE / 20)),
    ] {
        let mut permit = Budget::new(LIMIT).admit(0).unwrap();
        let mut decode = std::pin::pin!(coding.decode(Bytes::from(body), LIMIT, &mut permit));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let turns = std::iter::from_fn(|| decode.as_mut().poll(&mut context).is_pending().then_some(()));
        assert!(turns.count() >= 15, "{coding:?}");
    }
}

#[test]
fn one_byte_over_the_limit_is_too_large() {
    let body = text(LIMIT + 1);
    assert_eq!(decode(Coding::Gzip, gzip(&body)), Err(Problem::TooLarge));
    assert_eq!(decode(Coding::Deflate, zlib(&body)), Err(Problem::TooLarge));
}

#[test]
fn decoded_bytes_count_against_the_budget() {
    let body = text(50_000);
    assert_eq!(decode_under(Coding::Gzip, gzip(&body), 49_999), Err(Problem::OverBudget));
    assert!(decode_under(Coding::Gzip, gzip(&body), 50_000).is_ok());
}

#[test]
fn a_body_cut_off_anywhere_is_left_as_it_came() {
    let body = text(300);
    for (coding, whole) in
        [(Coding::Gzip, gzip(&body)), (Coding::Deflate, zlib(&body)), (Coding::Deflate, raw(&body))]
    {
        for len in 1..whole.len() {
            let cut = &whole[..len];
            assert_eq!(decode(coding, cut.to_vec()), Ok(Bytes::copy_from_slice(cut)), "{coding:?} {len}");
        }
    }
}

#[test]
fn a_body_followed_by_anything_is_left_as_it_came() {
    for (coding, mut whole) in [(Coding::Gzip, gzip(b"body")), (Coding::Deflate, zlib(b"body"))] {
        whole.push(b'x');
        assert_eq!(decode(coding, whole.clone()), Ok(Bytes::from(whole)), "{coding:?}");
    }
}

#[test]
fn a_body_with_a_wrong_checksum_is_left_as_it_came() {
    for (coding, mut whole) in [(Coding::Gzip, gzip(b"body")), (Coding::Deflate, zlib(b"body"))] {
        let checksum = whole.len() - if coding == Coding::Gzip { 8 } else { 1 };
        whole[checksum] ^= 1;
        assert_eq!(decode(coding, whole.clone()), Ok(Bytes::from(whole)), "{coding:?}");
    }
}

#[test]
fn plain_text_is_left_as_it_came() {
    let plain = b"{\"event\":1}";
    for coding in [Coding::Gzip, Coding::Deflate] {
        assert_eq!(decode(coding, plain.to_vec()), Ok(Bytes::from_static(plain)), "{coding:?}");
    }
}
