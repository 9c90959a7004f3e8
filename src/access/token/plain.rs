//! Tokens in clear, and what is stored of them.

use std::io;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::access::secret::random;

/// Prefix of created tokens, so that secret scanners recognise a leaked one.
const ISSUED_PREFIX: &str = "plenary_";
/// Number of first characters that are stored in clear, to tell tokens apart.
const PREFIX_CHARACTERS: usize = 12;
/// The shortest token that the settings may have, in characters.
const ADMIN_TOKEN_LENGTH_MIN: usize = 32;

/// A token in clear, from a request or on its way to whoever asked for it.
#[derive(Clone)]
pub struct PlainToken(String);

impl PlainToken {
    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// The operating system cannot give random bytes.
    pub fn generate() -> io::Result<Self> {
        Ok(Self(format!("{ISSUED_PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// Wraps a token from a request.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token in clear.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// SHA-256 in base64url, as stored.
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The first characters, which may be shown.
    pub fn prefix(&self) -> String {
        self.0.chars().take(PREFIX_CHARACTERS).collect()
    }
}

impl std::fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainToken(..)")
    }
}

/// The token of the setting `admin_token`.
#[derive(Debug, Clone)]
pub struct AdminToken(pub PlainToken);

impl AdminToken {
    /// Checks the setting.
    ///
    /// # Errors
    /// The token is too short or has invisible characters.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_visible = text.chars().all(|c| c.is_ascii_graphic());
        if !is_visible || text.len() < ADMIN_TOKEN_LENGTH_MIN {
            return Err("must be 32 or more visible characters");
        }
        Ok(Self(PlainToken::new(text)))
    }
}
