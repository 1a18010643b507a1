//! Small images: reduced from those uploaded, or drawn where a file is no image.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader, Limits, Rgba, RgbaImage};

/// The box that a thumbnail fits in, and that a filmstrip does: many frames side by side.
const THUMBNAIL: (u32, u32) = (320, 320);
const FILMSTRIP: (u32, u32) = (9_600, 240);
/// An image that is larger, or needs more memory, is answered by an icon.
const LARGEST_SIDE: u32 = 20_000;
const MOST_MEMORY: u64 = 512 << 20;
const ICON_SIDE: u32 = 96;

pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
    pub(super) content_type: &'static str,
}

/// The image of a file, made small; an icon where it is no image that is understood.
pub(super) fn reduced(file: &Path, filmstrip: bool) -> Picture {
    let (width, height) = if filmstrip { FILMSTRIP } else { THUMBNAIL };
    let small = open(file).map(|image| {
        if image.width() > width || image.height() > height {
            image.thumbnail(width, height)
        } else {
            image
        }
    });
    match small {
        Some(image) if image.color().has_alpha() => encode(&image, ImageFormat::Png),
        Some(image) => encode(&DynamicImage::ImageRgb8(image.into_rgb8()), ImageFormat::Jpeg),
        None => None,
    }
    .unwrap_or_else(|| icon([96, 125, 139]))
}

/// Of what kind an image is is seen from its bytes, not from its name.
fn open(file: &Path) -> Option<DynamicImage> {
    let mut reader = ImageReader::open(file).ok()?.with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    reader.decode().ok()
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Option<Picture> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).ok()?;
    Some(Picture {
        bytes: bytes.into_inner(),
        content_type: format.to_mime_type(),
    })
}

/// What is shown while a thumbnail is pending.
pub(super) fn pending() -> Picture {
    icon([200, 200, 200])
}

/// A sheet of paper on transparent ground.
fn icon([red, green, blue]: [u8; 3]) -> Picture {
    let sheet = Rgba([red, green, blue, 255]);
    let line = Rgba([255, 255, 255, 255]);
    let image = RgbaImage::from_fn(ICON_SIDE, ICON_SIDE, |x, y| {
        let on_sheet = (16..80).contains(&x) && (8..88).contains(&y) && x + 8 < 72 + y;
        let on_line = (28..68).contains(&x) && y > 34 && y < 78 && y % 12 < 3;
        match (on_sheet, on_line) {
            (true, true) => line,
            (true, false) => sheet,
            (false, _) => Rgba([0, 0, 0, 0]),
        }
    });
    encode(&DynamicImage::ImageRgba8(image), ImageFormat::Png).unwrap_or(Picture {
        bytes: Vec::new(),
        content_type: "image/png",
    })
}
