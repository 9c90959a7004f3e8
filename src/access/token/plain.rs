//! A token in clear, and what of it is kept.

use std::io;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::access::secret::random;

/// What a made token begins with, so that a leaked one is recognised.
const PREFIX: &str = "plenary_";
/// How much of a token is kept in clear, to tell tokens apart.
const SHOWN_CHARACTERS: usize = 12;
/// The shortest token that settings may give, in characters.
const ADMIN_TOKEN_LENGTH_MIN: usize = 32;

/// A token in clear: on its way to the one who asked for it, or from a request.
#[derive(Clone)]
pub struct PlainToken(String);

impl PlainToken {
    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn make() -> io::Result<Self> {
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// A token as a request carries it.
    pub fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token in clear.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
    }

    /// What may be shown of it.
    pub fn shown(&self) -> String {
        self.0.chars().take(SHOWN_CHARACTERS).collect()
    }
}

impl std::fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainToken(..)")
    }
}

/// The admin token that the settings give.
#[derive(Debug, Clone)]
pub struct AdminToken(pub PlainToken);

impl AdminToken {
    /// Checks it.
    ///
    /// # Errors
    /// It is too short, or not of visible characters.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let visible = text.chars().all(|c| c.is_ascii_graphic());
        if !visible || text.len() < ADMIN_TOKEN_LENGTH_MIN {
            return Err("must be 32 or more visible characters");
        }
        Ok(Self(PlainToken::given(text)))
    }
}
