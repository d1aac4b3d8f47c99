//! Files that people send, and files that attackers send.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{DynamicImage, ImageFormat};

use super::{BYTES_MAX, Media, look};

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(64, 48).write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn pdf(objects: &[&[u8]]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n".to_vec();
    objects.iter().for_each(|o| out.extend_from_slice(o));
    out.extend_from_slice(b"\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n");
    out
}

fn packed(dictionary: &str, plain: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    packer.write_all(plain).unwrap();
    let body = packer.finish().unwrap();
    let mut out = format!("5 0 obj\n<< {dictionary} /Length {} >>\nstream\r\n", body.len()).into_bytes();
    out.extend(body);
    out.extend_from_slice(b"\nendstream\nendobj\n");
    out
}

fn code(bytes: &[u8]) -> &'static str {
    look(bytes).unwrap_err().code
}

#[test]
fn pictures_and_plain_documents_are_taken_for_what_their_bytes_are() {
    assert_eq!(look(&picture(ImageFormat::Jpeg)).unwrap(), Media::Jpeg);
    assert_eq!(look(&picture(ImageFormat::Png)).unwrap(), Media::Png);
    assert_eq!(look(&picture(ImageFormat::WebP)).unwrap(), Media::Webp);
    let words = b"BT (he said /JavaScript is a word) Tj ET\n".repeat(20);
    let text = packed("/Filter /FlateDecode", &words);
    let objects = packed("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", b"7 0 << /Type /Page >>");
    assert_eq!(look(&pdf(&[&text, &objects])).unwrap(), Media::Pdf);
}

#[test]
fn what_only_begins_like_a_picture_is_refused() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = picture(format);
        assert_eq!(code(&whole[..whole.len() / 2]), "evidence.not_a_picture", "{format:?} cut off");
        let mut page = whole[..12].to_vec();
        page.extend_from_slice(b"<script>alert(1)</script>");
        assert_eq!(code(&page), "evidence.not_a_picture", "{format:?} with a page inside");
    }
}

#[test]
fn a_small_file_that_says_it_has_billions_of_pixels_is_refused_unopened() {
    let mut flood = picture(ImageFormat::Png);
    // Width and height in the head, and its checksum made right again.
    flood[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    flood[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = flate2::Crc::new();
    let mut crc = crc;
    crc.update(&flood[12..29]);
    flood[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    assert_eq!(code(&flood), "evidence.too_many_pixels");
}

#[test]
fn other_files_are_refused_with_what_to_do() {
    assert_eq!(code(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "evidence.heic");
    assert_eq!(code(b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"), "evidence.heic");
    for other in [
        &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
        b"<html>",
        b"PK\x03\x04",
        b"GIF89a",
        b"MZ\x90",
        b"x",
    ] {
        assert_eq!(code(other), "evidence.type");
    }
    assert_eq!(code(b""), "evidence.empty");
    assert_eq!(code(&vec![0xff; BYTES_MAX + 1]), "evidence.too_large");
    assert_eq!(code(b" %PDF-1.7 1 0 obj %%EOF"), "evidence.type", "something may stand before it");
    assert_eq!(code(b"%PDF-1.7 and no more"), "evidence.not_a_pdf");
}

#[test]
fn a_document_that_runs_or_carries_something_is_refused() {
    for bad in [
        "<< /S /JavaScript /JS (app.alert\\(1\\)) >>",
        "<< /S /#4aavaScript /JS (x) >>",
        "<< /S /J#61vaScri#70t >>",
        "<< /S /Launch /F (cmd.exe) >>",
        "<< /Type /Filespec /EF << /F 9 0 R >> >>",
        "<< /Names << /EmbeddedFiles 8 0 R >> >>",
        "<< /S /SubmitForm >>",
        "<< /XFA 3 0 R >>",
        "<< /Subtype /RichMedia >>",
    ] {
        let object = format!("3 0 obj\n{bad}\nendobj\n");
        assert_eq!(code(&pdf(&[object.as_bytes()])), "evidence.active_pdf", "{bad}");
        let hidden =
            packed("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", format!("7 0 {bad}").as_bytes());
        assert_eq!(code(&pdf(&[&hidden])), "evidence.active_pdf", "{bad}, packed");
        let named = packed("/Type /Obj#53tm /Filter [/Fl#61teDecode]", format!("7 0 {bad}").as_bytes());
        assert_eq!(code(&pdf(&[&named])), "evidence.active_pdf", "{bad}, packed under written-out names");
    }
}

#[test]
fn a_document_that_cannot_be_looked_into_is_refused() {
    assert_eq!(code(&pdf(&[b"3 0 obj << /Encrypt 4 0 R >> endobj"])), "evidence.hidden_pdf");
    let twice = packed("/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", b"7 0 << >>");
    assert_eq!(code(&pdf(&[&twice])), "evidence.hidden_pdf");
    let bomb = packed("/Type /ObjStm /Filter /FlateDecode", &vec![b' '; 40 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    assert_eq!(code(&pdf(&[&bomb])), "evidence.hidden_pdf");
    let damaged = packed("/Type /ObjStm /Filter /FlateDecode", b"7 0 << >>");
    let damaged = &damaged[..damaged.len() - 24];
    assert_eq!(code(&pdf(&[damaged])), "evidence.hidden_pdf");
}
