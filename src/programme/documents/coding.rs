//! Content codings: choosing the one that a client accepts (RFC 9110, 12.5.3), and compression.

use std::io::{self, Write as _};

use crate::{http::weights, values::text_enum};

/// The level with the smallest result that is not slow.
const GZIP_LEVEL: libdeflater::CompressionLvl = match libdeflater::CompressionLvl::new(9) {
    Ok(level) => level,
    Err(_) => panic!("there is a level 9"),
};

text_enum! {
    /// A content coding, the one that makes the smallest bodies first.
    Coding {
        /// Brotli (RFC 7932), quality 5.
        Brotli = "br",
        /// Zstandard (RFC 8878), its usual level.
        Zstd = "zstd",
        /// gzip (RFC 1952), level 9.
        Gzip = "gzip",
    }
}

impl Coding {
    /// The best coding that `Accept-Encoding` allows; `None` for the plain bytes.
    pub fn choose(accepted: Option<&str>) -> Option<Self> {
        let accepted = accepted?;
        let quality = |name: &str| {
            let quality_of = |name: &str| {
                let mut members = weights::members(accepted);
                members.find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, weight)| weight)
            };
            quality_of(name).or_else(|| quality_of("*"))
        };
        let plain = quality("identity").unwrap_or(f32::MIN_POSITIVE);
        let best = |best: Option<(f32, Self)>, coding: Self| {
            let quality = quality(coding.as_str()).unwrap_or(0.0);
            let is_better = quality > best.map_or(0.0, |(best_quality, _)| best_quality);
            if is_better { Some((quality, coding)) } else { best }
        };
        let (quality, coding) = Self::ALL.into_iter().fold(None, best)?;
        (quality >= plain).then_some(coding)
    }

    /// The same bytes for the same input.
    pub fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Brotli => {
                let mut compressed = Vec::with_capacity(bytes.len() / 8 + 1024);
                // Writing into memory does not fail.
                _ = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 5, 22).write_all(bytes);
                compressed
            }
            Self::Zstd => zstd::bulk::compress(bytes, 0).unwrap_or_default(),
            Self::Gzip => {
                let mut compressor = libdeflater::Compressor::new(GZIP_LEVEL);
                let mut compressed = vec![0; compressor.gzip_compress_bound(bytes.len())];
                let length = compressor.gzip_compress(bytes, &mut compressed).unwrap_or_default();
                compressed.truncate(length);
                compressed.shrink_to_fit();
                compressed
            }
        }
    }
}

/// Decompresses Zstandard.
///
/// # Errors
/// The bytes are not Zstandard.
pub fn decompress_zstd(compressed: &[u8]) -> io::Result<Vec<u8>> {
    zstd::decode_all(compressed)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_best_coding_that_the_client_accepts_is_chosen() {
        let choose = |accepted| Coding::choose(Some(accepted)).map(Coding::as_str);
        assert_eq!(Coding::choose(None), None);
        assert_eq!(choose("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(choose("gzip, deflate"), Some("gzip"));
        assert_eq!(choose("GZIP;q=0.5, zstd;q=0.8"), Some("zstd"));
        assert_eq!(choose("br;q=0, *"), Some("zstd"));
        assert_eq!(choose("*;q=0"), None);
        assert_eq!(choose("identity, gzip;q=0.5"), None);
        assert_eq!(choose("identity;q=0.5, gzip"), Some("gzip"));
        assert_eq!(choose("deflate"), None);
        assert_eq!(choose(";q=,,"), None);
        assert_eq!(choose("br;q=x, gzip;q=0.1"), Some("gzip"), "an unreadable weight is no preference");
        assert_eq!(choose(""), None);
    }

    #[test]
    fn compression_is_lossless_and_repeatable() {
        let text: Vec<u8> = (0..60_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        for coding in Coding::ALL {
            let compressed = coding.compress(&text);
            assert!(compressed.len() < text.len());
            assert_eq!(compressed, coding.compress(&text));
            let mut expanded = Vec::new();
            match coding {
                Coding::Brotli => {
                    brotli::Decompressor::new(compressed.as_slice(), 4096).read_to_end(&mut expanded).unwrap()
                }
                Coding::Zstd => decompress_zstd(&compressed).map(|bytes| expanded = bytes).map(|()| 0).unwrap(),
                Coding::Gzip => flate2::read::GzDecoder::new(compressed.as_slice()).read_to_end(&mut expanded).unwrap(),
            };
            assert_eq!(expanded, text);
        }
        assert!(decompress_zstd(b"nonsense").is_err());
    }
}
