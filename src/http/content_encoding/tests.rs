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

fn decode(encoding: ContentEncoding, body: Vec<u8>) -> Result<Bytes, Problem> {
    decode_under(encoding, body, 10 * LIMIT)
}

fn decode_under(encoding: ContentEncoding, body: Vec<u8>, budget: usize) -> Result<Bytes, Problem> {
    let mut permit = Budget::new(budget).admit(0).unwrap();
    let decode = encoding.decode(Bytes::from(body), LIMIT, &mut permit);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(decode)
}

fn encoding(values: &[&'static str]) -> Result<ContentEncoding, Problem> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
    }
    ContentEncoding::of(&headers)
}

#[test]
fn header_names_one_encoding_in_any_case() {
    for (value, expected) in [
        ("gzip", ContentEncoding::Gzip),
        ("X-GZip", ContentEncoding::Gzip),
        (" deflate ", ContentEncoding::Deflate),
        ("Identity", ContentEncoding::Identity),
        ("", ContentEncoding::Identity),
    ] {
        assert_eq!(encoding(&[value]), Ok(expected), "{value:?}");
    }
    assert_eq!(encoding(&[]), Ok(ContentEncoding::Identity));
}

#[test]
fn other_encodings_and_lists_are_unsupported() {
    for values in [&["br"][..], &["gzip, gzip"], &["gzip", "deflate"], &["zstd"]] {
        assert_eq!(encoding(values), Err(Problem::UnsupportedEncoding), "{values:?}");
    }
}

#[test]
fn each_encoding_restores_the_body() {
    for len in [1, 1000, OUTPUT_CHUNK_SIZE, OUTPUT_CHUNK_SIZE + 1, LIMIT] {
        let body = text(len);
        assert_eq!(decode(ContentEncoding::Gzip, gzip(&body)).unwrap(), body);
        assert_eq!(decode(ContentEncoding::Deflate, zlib(&body)).unwrap(), body);
        assert_eq!(decode(ContentEncoding::Deflate, raw(&body)).unwrap(), body);
        assert_eq!(decode(ContentEncoding::Identity, body.clone()).unwrap(), body);
    }
}

#[test]
fn body_that_decodes_to_nothing_is_empty() {
    assert_eq!(decode(ContentEncoding::Gzip, gzip(b"")).unwrap(), "");
    assert_eq!(decode(ContentEncoding::Deflate, zlib(b"")).unwrap(), "");
    assert_eq!(decode(ContentEncoding::Gzip, Vec::new()).unwrap(), "");
}

#[test]
fn several_gzip_members_are_one_body() {
    let both = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(decode(ContentEncoding::Gzip, both).unwrap(), "one two");
}

/// A member has 10 bytes of header, 2 of data and 8 of trailer.
#[test]
fn gzip_of_too_many_members_is_not_decoded() {
    let member = gzip(b"");
    let members = |count| member.repeat(count);
    assert_eq!(decode(ContentEncoding::Gzip, members(MAX_MEMBERS)).unwrap(), "");
    let more = members(MAX_MEMBERS + 1);
    assert_eq!(decode(ContentEncoding::Gzip, more.clone()), Ok(Bytes::from(more)));
}

/// A limit on decoded bytes does not limit the work.
#[test]
fn other_requests_run_while_a_body_is_decoded() {
    let empty_blocks = [0, 0, 0, 0xff, 0xff].repeat(20 * INPUT_CHUNK_SIZE / 5);
    let gzip_header = &gzip(b"")[..10];
    for (encoding, body) in [
        (ContentEncoding::Deflate, empty_blocks.clone()),
        (ContentEncoding::Gzip, [gzip_header, &empty_blocks].concat()),
        (ContentEncoding::Gzip, gzip(b"").repeat(20 * INPUT_CHUNK_SIZE / 20)),
    ] {
        let mut permit = Budget::new(LIMIT).admit(0).unwrap();
        let mut decode = std::pin::pin!(encoding.decode(Bytes::from(body), LIMIT, &mut permit));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let turns = std::iter::from_fn(|| decode.as_mut().poll(&mut context).is_pending().then_some(()));
        assert!(turns.count() >= 15, "{encoding:?}");
    }
}

#[test]
fn one_byte_over_the_limit_is_too_large() {
    let body = text(LIMIT + 1);
    assert_eq!(decode(ContentEncoding::Gzip, gzip(&body)), Err(Problem::TooLarge));
    assert_eq!(decode(ContentEncoding::Deflate, zlib(&body)), Err(Problem::TooLarge));
}

#[test]
fn decoded_bytes_count_against_the_budget() {
    let body = text(50_000);
    assert_eq!(decode_under(ContentEncoding::Gzip, gzip(&body), 49_999), Err(Problem::OverBudget));
    assert!(decode_under(ContentEncoding::Gzip, gzip(&body), 50_000).is_ok());
}

#[test]
fn truncated_body_is_not_decoded() {
    let body = text(300);
    for (encoding, whole) in [
        (ContentEncoding::Gzip, gzip(&body)),
        (ContentEncoding::Deflate, zlib(&body)),
        (ContentEncoding::Deflate, raw(&body)),
    ] {
        for len in 1..whole.len() {
            let cut = &whole[..len];
            assert_eq!(decode(encoding, cut.to_vec()), Ok(Bytes::copy_from_slice(cut)), "{encoding:?} {len}");
        }
    }
}

#[test]
fn body_with_trailing_bytes_is_not_decoded() {
    for (encoding, mut whole) in
        [(ContentEncoding::Gzip, gzip(b"body")), (ContentEncoding::Deflate, zlib(b"body"))]
    {
        whole.push(b'x');
        assert_eq!(decode(encoding, whole.clone()), Ok(Bytes::from(whole)), "{encoding:?}");
    }
}

#[test]
fn body_with_wrong_checksum_is_not_decoded() {
    for (encoding, mut whole) in
        [(ContentEncoding::Gzip, gzip(b"body")), (ContentEncoding::Deflate, zlib(b"body"))]
    {
        let checksum = whole.len() - if encoding == ContentEncoding::Gzip { 8 } else { 1 };
        whole[checksum] ^= 1;
        assert_eq!(decode(encoding, whole.clone()), Ok(Bytes::from(whole)), "{encoding:?}");
    }
}

#[test]
fn plain_text_is_not_decoded() {
    let plain = b"{\"event\":1}";
    for encoding in [ContentEncoding::Gzip, ContentEncoding::Deflate] {
        assert_eq!(decode(encoding, plain.to_vec()), Ok(Bytes::from_static(plain)), "{encoding:?}");
    }
}
