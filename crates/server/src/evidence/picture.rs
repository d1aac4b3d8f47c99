//! Pictures: what they are, and whether they open.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};

use super::{Media, refused, unreadable_picture};
use crate::error::Problem;

/// The longest side, in pixels.
const SIDE_MAX: u32 = 16_000;
/// The most pixels: a picture of a few kilobytes can say that it has billions.
const PIXELS_MAX: u64 = 50_000_000;
/// Memory that opening one may take, in bytes.
const MEMORY_MAX: u64 = 256 * 1024 * 1024;

/// What a file says that it is by its first bytes.
pub fn kind(bytes: &[u8]) -> Option<Media> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Media::Jpeg)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Media::Png)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Media::Webp)
    } else {
        None
    }
}

/// Whether it is one of Apple's pictures, or another in the same container.
pub fn is_heic(bytes: &[u8]) -> bool {
    let brand = (bytes.get(4..8) == Some(b"ftyp")).then(|| bytes.get(8..12)).flatten();
    brand.is_some_and(|b| {
        [b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif"].iter().any(|k| *k == b)
    })
}

/// Opens a picture as a viewer would, within limits.
pub fn open(bytes: &[u8], media: Media) -> Result<(), Problem> {
    let format = match media {
        Media::Jpeg => ImageFormat::Jpeg,
        Media::Png => ImageFormat::Png,
        _ => ImageFormat::WebP,
    };
    let reader = || ImageReader::with_format(Cursor::new(bytes), format);
    // The head alone first: it costs nothing, whatever it says.
    let (width, height) = reader().into_dimensions().map_err(|_| unreadable_picture())?;
    if width > SIDE_MAX || height > SIDE_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(refused(
            "evidence.too_many_pixels",
            "图片尺寸过大（最多 5000 万像素），请缩小后再上传。",
            "The picture has more than 50 million pixels. Please make it smaller and send it again.",
        ));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    let mut reader = reader();
    reader.limits(limits);
    reader.decode().map(drop).map_err(|_| unreadable_picture())
}
