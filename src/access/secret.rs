//! The server's secret, which is kept outside the store, and the tokens that are derived from it.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{
    database::private_folder,
    ids::{ConferenceId, DelegationId, InvitationId, RegistrationId},
};

pub mod fingerprint;
mod store;

const FILE_NAME: &str = "secret.key";
const SECRET_BYTES: usize = 32;

/// The secret: 32 random bytes, the key of every HMAC here.
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
/// The operating system cannot give any.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

impl ServerSecret {
    /// Reads the secret in `folder`, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or does not have 32 bytes.
    pub fn load(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(FILE_NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = bytes.try_into().map_err(|_| {
            let message = format!(
                "{} must hold {SECRET_BYTES} bytes: put it back from the backup (docs/operations.md)",
                path.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        Ok(Some(Self(Arc::new(bytes))))
    }

    /// Creates a secret in `folder`, or reads the one that another process created first.
    ///
    /// # Errors
    /// The file cannot be created or read.
    pub fn create(folder: &Path) -> io::Result<Self> {
        Self::unsaved()?.save(folder)
    }

    /// Writes the secret into `folder` unless there is one, and returns the one that is there. The file is written
    /// under a temporary name, synced and linked into place, so that a crash leaves no incomplete file, and two
    /// processes that start together use the same secret.
    fn save(&self, folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let temporary = folder.join(format!("{FILE_NAME}.{}", uuid::Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(self.0.as_slice())?;
        file.sync_all()?;
        let link_result = fs::hard_link(&temporary, folder.join(FILE_NAME));
        fs::remove_file(&temporary)?;
        match link_result {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::File::open(folder)?.sync_all()?,
        }
        Self::load(folder)?.ok_or_else(|| io::Error::other(format!("{FILE_NAME} was removed")))
    }

    /// A secret that is not saved: for checks without a store, or until the store is reachable.
    ///
    /// # Errors
    /// The operating system cannot give random bytes.
    pub fn unsaved() -> io::Result<Self> {
        Ok(Self(Arc::new(random()?)))
    }

    /// Identifies the secret without revealing anything of it.
    fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(&[b"plenary secret fingerprint\0"]))
    }

    /// The token of a personal link. A new generation makes all older links void.
    pub fn link_token(&self, registration: RegistrationId, generation: i32) -> String {
        URL_SAFE_NO_PAD.encode(self.link_mac(registration, generation))
    }

    /// Compares in constant time.
    pub fn is_link_token(&self, token: &str, registration: RegistrationId, generation: i32) -> bool {
        let token_bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        token_bytes.ct_eq(&self.link_mac(registration, generation)).into()
    }

    /// The token in the link of a delegation's focal point.
    pub fn delegation_token(&self, delegation: DelegationId, generation: i32) -> String {
        URL_SAFE_NO_PAD.encode(self.delegation_mac(delegation, generation))
    }

    /// Compares in constant time.
    pub fn is_delegation_token(&self, token: &str, delegation: DelegationId, generation: i32) -> bool {
        let token_bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        token_bytes.ct_eq(&self.delegation_mac(delegation, generation)).into()
    }

    fn delegation_mac(&self, delegation: DelegationId, generation: i32) -> Vec<u8> {
        self.mac(&[b"plenary delegation link\0", delegation.uuid().as_bytes(), &generation.to_be_bytes()])
    }

    /// The code of a personal invitation: its id, and an HMAC that proves that it was made here.
    pub fn invitation_code(&self, invitation: InvitationId, generation: i32) -> String {
        let mac = self.invitation_mac(invitation, generation);
        URL_SAFE_NO_PAD.encode([invitation.uuid().as_bytes().as_slice(), &mac].concat())
    }

    /// The invitation's id in a code, and the proof for [`Self::is_invitation_proof`]; `None` if the code is not that
    /// of a personal invitation.
    pub fn read_invitation_code(code: &str) -> Option<(InvitationId, Vec<u8>)> {
        let bytes = URL_SAFE_NO_PAD.decode(code).ok()?;
        let (id, proof) = bytes.split_first_chunk::<16>().filter(|(_, proof)| proof.len() == 32)?;
        Some((InvitationId::from_uuid(uuid::Uuid::from_bytes(*id)), proof.to_vec()))
    }

    /// Compares in constant time.
    pub fn is_invitation_proof(&self, proof: &[u8], invitation: InvitationId, generation: i32) -> bool {
        proof.ct_eq(&self.invitation_mac(invitation, generation)).into()
    }

    fn invitation_mac(&self, invitation: InvitationId, generation: i32) -> Vec<u8> {
        self.mac(&[b"plenary invitation\0", invitation.uuid().as_bytes(), &generation.to_be_bytes()])
    }

    /// The token of the link to mail preferences.
    pub fn preferences_token(&self, registration: RegistrationId) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(&[b"plenary mail preferences\0", registration.uuid().as_bytes()]))
    }

    /// Compares in constant time.
    pub fn is_preferences_token(&self, token: &str, registration: RegistrationId) -> bool {
        token.as_bytes().ct_eq(self.preferences_token(registration).as_bytes()).into()
    }

    /// The stored digest of a shared access code. It is keyed, so that nobody who reads the store can try codes.
    pub fn access_code_digest(&self, conference: ConferenceId, code: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(&[b"plenary access code\0", conference.uuid().as_bytes(), code.as_bytes()]))
    }

    /// The seed of the key with which a conference signs its badges.
    pub fn check_in_seed(&self, conference: ConferenceId) -> Vec<u8> {
        self.mac(&[b"plenary check-in key\0", conference.uuid().as_bytes()])
    }

    /// The token of a link that shows a conference's draft until `expires_at`. A new generation makes all older links
    /// void.
    pub fn preview_token(&self, conference: ConferenceId, expires_at: DateTime<Utc>, generation: i32) -> String {
        let claims = preview_claims(expires_at.timestamp(), generation);
        let mac = self.preview_mac(conference, &claims);
        URL_SAFE_NO_PAD.encode([claims.as_slice(), &mac].concat())
    }

    /// The content of a preview token of this conference; `None` if it was not made here. Compares in constant time.
    pub fn read_preview_token(&self, token: &str, conference: ConferenceId) -> Option<PreviewGrant> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claims, mac) = bytes.split_first_chunk::<PREVIEW_CLAIM_BYTES>()?;
        let is_own: bool = mac.ct_eq(&self.preview_mac(conference, claims)).into();
        let (seconds, generation) = claims.split_first_chunk::<8>().filter(|_| is_own)?;
        Some(PreviewGrant {
            expires_at: DateTime::from_timestamp(i64::from_be_bytes(*seconds), 0)?,
            generation: i32::from_be_bytes(generation.try_into().ok()?),
        })
    }

    fn preview_mac(&self, conference: ConferenceId, claims: &[u8]) -> Vec<u8> {
        self.mac(&[b"plenary preview link\0", conference.uuid().as_bytes(), claims])
    }

    /// The placeholder of a withheld resource: the same in every release. Nobody can compute the resource from it, or
    /// it from a known resource.
    pub fn placeholder(&self, conference: ConferenceId, resource: uuid::Uuid) -> Placeholder {
        let mac = self.mac(&[b"plenary placeholder\0", conference.uuid().as_bytes(), resource.as_bytes()]);
        let (mut id, mut number) = ([0; 16], [0; 8]);
        id.iter_mut().chain(&mut number).zip(mac).for_each(|(slot, byte)| *slot = byte);
        Placeholder { id: uuid::Builder::from_custom_bytes(id).into_uuid(), number: u64::from_be_bytes(number) }
    }

    fn link_mac(&self, registration: RegistrationId, generation: i32) -> Vec<u8> {
        let generation = generation.to_be_bytes();
        self.mac(&[b"plenary registration link\0", registration.uuid().as_bytes(), &generation])
    }

    /// HMAC-SHA256 of `parts`, the first of which names the purpose.
    fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        // HMAC accepts keys of any length, so this cannot fail; an empty result would match no token of 43 characters.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else {
            return Vec::new();
        };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
}

/// Identifiers that replace those of a withheld resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder {
    pub id: uuid::Uuid,
    /// For [`crate::values::Code::withheld`].
    pub number: u64,
}

/// The content of a preview link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewGrant {
    pub expires_at: DateTime<Utc>,
    pub generation: i32,
}

/// Expiry in seconds since 1970 (8 bytes), then the generation (4 bytes).
const PREVIEW_CLAIM_BYTES: usize = 12;

fn preview_claims(seconds: i64, generation: i32) -> [u8; PREVIEW_CLAIM_BYTES] {
    let mut claims = [0; PREVIEW_CLAIM_BYTES];
    let bytes = seconds.to_be_bytes().into_iter().chain(generation.to_be_bytes());
    claims.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = byte);
    claims
}

#[cfg(test)]
impl ServerSecret {
    /// A fixed secret for tests.
    pub fn of_test() -> Self {
        Self(Arc::new([7; SECRET_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    #[test]
    fn a_link_token_is_valid_only_for_its_registration_and_generation() {
        let secret = ServerSecret::of_test();
        let (mine, other) = (Id::new(), Id::new());
        let token = secret.link_token(mine, 1);
        assert_eq!(token.len(), 43);
        assert!(secret.is_link_token(&token, mine, 1));
        assert!(!secret.is_link_token(&token, mine, 2));
        assert!(!secret.is_link_token(&token, other, 1));
        assert!(!secret.is_link_token("", mine, 1));
        assert!(!ServerSecret(Arc::new([8; SECRET_BYTES])).is_link_token(&token, mine, 1));
    }

    #[test]
    fn a_preview_token_has_its_expiry_and_cannot_be_changed() {
        let secret = ServerSecret::of_test();
        let (mine, other) = (Id::new(), Id::new());
        let expires_at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let token = secret.preview_token(mine, expires_at, 3);
        assert_eq!(secret.read_preview_token(&token, mine), Some(PreviewGrant { expires_at, generation: 3 }));
        assert_eq!(secret.read_preview_token(&token, other), None);
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        bytes[7] ^= 1;
        assert_eq!(secret.read_preview_token(&URL_SAFE_NO_PAD.encode(&bytes), mine), None);
        assert_eq!(secret.read_preview_token("", mine), None);
        assert_eq!(secret.read_preview_token("AAAA", mine), None);
    }
}
