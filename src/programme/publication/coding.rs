//! Content codings: which one a reader takes (RFC 9110, 12.5.3), and compressing.

use std::io::{self, Read as _, Write as _};

use crate::values::text_enum;

text_enum! {
    /// A content coding, the one that makes the smallest bodies first.
    Coding {
        /// Brotli (RFC 7932), quality 5.
        Brotli = "br",
        /// Zstandard (RFC 8878), level 9.
        Zstd = "zstd",
        /// gzip (RFC 1952), level 9.
        Gzip = "gzip",
    }
}

impl Coding {
    /// Every coding, the best first.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The best coding that `Accept-Encoding` allows; none for the plain bytes.
    pub fn choose(accepted: Option<&str>) -> Option<Self> {
        let accepted = accepted?;
        let quality = |name: &str| {
            let of = |wanted: &str| {
                accepted.split(',').find_map(|offer| {
                    let mut parts = offer.split(';');
                    let is_it = parts.next()?.trim().eq_ignore_ascii_case(wanted);
                    let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
                    is_it.then_some(quality.unwrap_or(1.0))
                })
            };
            of(name).or_else(|| of("*"))
        };
        let plain = quality("identity").unwrap_or(f32::MIN_POSITIVE);
        let best = |best: Option<(f32, Self)>, coding: Self| {
            let quality = quality(coding.as_str()).unwrap_or(0.0);
            let is_better = quality > best.map_or(0.0, |(known, _)| known);
            if is_better { Some((quality, coding)) } else { best }
        };
        let (quality, coding) = Self::ALL.into_iter().fold(None, best)?;
        (quality >= plain).then_some(coding)
    }

    /// The compressed bytes: the same for the same input.
    ///
    /// # Errors
    /// There is no memory.
    pub fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli => {
                let mut packed = Vec::with_capacity(bytes.len() / 4);
                let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, 5, 22);
                writer.write_all(bytes)?;
                drop(writer);
                Ok(packed)
            }
            Self::Zstd => zstd::bulk::compress(bytes, 9),
            Self::Gzip => {
                let mut writer =
                    flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::best());
                writer.write_all(bytes)?;
                writer.finish()
            }
        }
    }

    /// What was compressed.
    ///
    /// # Errors
    /// The bytes were not made by [`Self::compress`].
    pub fn expand(self, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(packed.len() * 4);
        match self {
            Self::Brotli => brotli::Decompressor::new(packed, 1 << 16).read_to_end(&mut bytes)?,
            Self::Zstd => zstd::Decoder::new(packed)?.read_to_end(&mut bytes)?,
            Self::Gzip => flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes)?,
        };
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_best_coding_that_they_take() {
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
        assert_eq!(choose(""), None);
    }

    #[test]
    fn what_is_compressed_is_got_back_and_the_same_each_time() {
        let text: Vec<u8> = (0..60_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        for coding in Coding::ALL {
            let packed = coding.compress(&text).unwrap();
            assert!(packed.len() < text.len());
            assert_eq!(packed, coding.compress(&text).unwrap());
            assert_eq!(coding.expand(&packed).unwrap(), text);
            assert!(coding.expand(b"nonsense").is_err());
        }
    }
}
