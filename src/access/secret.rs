//! The server's secret, kept outside the store, and the attendees' link tokens that are derived from it.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{database::private_folder, ids::RegistrationId};

const FILE_NAME: &str = "secret.key";
const SECRET_BYTES: usize = 32;

/// 32 random bytes under which link tokens are derived.
#[derive(Clone)]
pub struct ServerSecret(Arc<[u8; SECRET_BYTES]>);

impl std::fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// It has none to give.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

impl ServerSecret {
    /// Reads the secret in `folder`, or makes one: written aside, synced and linked into place, so that a crash leaves
    /// no half of one and two processes that start together agree.
    ///
    /// # Errors
    /// The file cannot be read or made, or does not hold 32 bytes.
    pub fn load_or_make(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let path = folder.join(FILE_NAME);
        if !path.exists() {
            let aside = folder.join(format!("{FILE_NAME}.{}", uuid::Uuid::new_v4()));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(&random::<SECRET_BYTES>()?)?;
            file.sync_all()?;
            let linked = fs::hard_link(&aside, &path);
            fs::remove_file(&aside)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => fs::File::open(folder)?.sync_all()?,
            }
        }
        let bytes = fs::read(&path)?;
        let bytes = bytes.try_into().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} must hold {SECRET_BYTES} bytes", path.display()))
        })?;
        Ok(Self(Arc::new(bytes)))
    }

    /// The token in an attendee's link. A new generation makes every older link void.
    pub fn link_token(&self, registration: RegistrationId, generation: i32) -> String {
        URL_SAFE_NO_PAD.encode(self.link_mac(registration, generation))
    }

    /// Whether `token` is that of this registration, compared in constant time.
    pub fn is_link_token(&self, token: &str, registration: RegistrationId, generation: i32) -> bool {
        let given = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        given.ct_eq(&self.link_mac(registration, generation)).into()
    }

    fn link_mac(&self, registration: RegistrationId, generation: i32) -> Vec<u8> {
        // A key of any length is taken, so this cannot fail; an empty answer would match no token of 43 characters.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else {
            return Vec::new();
        };
        mac.update(b"plenary registration link\0");
        mac.update(registration.uuid().as_bytes());
        mac.update(&generation.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    #[test]
    fn a_link_token_fits_its_registration_and_generation_alone() {
        let secret = ServerSecret(Arc::new([7; SECRET_BYTES]));
        let (mine, other) = (Id::new(), Id::new());
        let token = secret.link_token(mine, 1);
        assert_eq!(token.len(), 43);
        assert!(secret.is_link_token(&token, mine, 1));
        assert!(!secret.is_link_token(&token, mine, 2));
        assert!(!secret.is_link_token(&token, other, 1));
        assert!(!secret.is_link_token("", mine, 1));
        assert!(!ServerSecret(Arc::new([8; SECRET_BYTES])).is_link_token(&token, mine, 1));
    }
}
