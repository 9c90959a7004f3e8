//! The payload of a badge's QR code: 85 bytes in base64url without padding.
//!
//! | bytes | content |
//! |---|---|
//! | 0 | version, 1 |
//! | 1..17 | the registration's id, a UUID in network byte order |
//! | 17..21 | generation of the badge, big-endian |
//! | 21..85 | Ed25519 signature (RFC 8032) of bytes 0..21 |
//!
//! Each conference has its own key, which signs nothing else, so that a badge of one conference is not valid in
//! another.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use super::ServerSecret;
use crate::{
    database::DatabaseError,
    ids::{ConferenceId, RegistrationId},
};

pub const VERSION: u8 = 1;

/// A field of the payload.
pub struct PayloadField {
    pub name: &'static str,
    /// Length in bytes.
    pub bytes: usize,
    /// Format of the value, in English.
    pub format: &'static str,
}

const VERSION_FIELD: PayloadField = PayloadField { name: "version", bytes: 1, format: "unsigned integer" };
const REGISTRATION_FIELD: PayloadField =
    PayloadField { name: "registration", bytes: 16, format: "UUID in network order" };
const GENERATION_FIELD: PayloadField =
    PayloadField { name: "generation", bytes: 4, format: "unsigned integer, big-endian" };
const SIGNATURE_FIELD: PayloadField =
    PayloadField { name: "signature", bytes: 64, format: "Ed25519 signature of the bytes before it" };

/// The fields of the payload, in order.
pub const FIELDS: [PayloadField; 4] = [VERSION_FIELD, REGISTRATION_FIELD, GENERATION_FIELD, SIGNATURE_FIELD];
/// Length of the signed part, in bytes.
pub const SIGNED_BYTES: usize = VERSION_FIELD.bytes + REGISTRATION_FIELD.bytes + GENERATION_FIELD.bytes;
/// Length of the payload, in bytes.
pub const BYTES: usize = SIGNED_BYTES + SIGNATURE_FIELD.bytes;

/// The bytes before the key in a `SubjectPublicKeyInfo` (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key with which a conference signs its badges.
pub struct BadgeKey(SigningKey);

/// The signed content of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    pub registration: RegistrationId,
    /// The generation of the registration's link when the badge was made: renewing the link makes the badge void, too.
    pub generation: i32,
}

impl BadgeKey {
    /// The key of a conference.
    ///
    /// # Errors
    /// The server's secret gives no seed.
    pub fn derive(secret: &ServerSecret, conference: ConferenceId) -> Result<Self, DatabaseError> {
        let seed: [u8; 32] = secret
            .check_in_seed(conference)
            .try_into()
            .map_err(|_| DatabaseError::Corrupt("the seed of a check-in key".to_owned()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The public key as PEM (RFC 7468).
    pub fn pem(&self) -> String {
        let body = STANDARD.encode([SPKI_PREFIX.as_slice(), &self.public_key()].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// The thumbprint of the public key (RFC 7638), which identifies it.
    pub fn thumbprint(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.public_key());
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
    }

    pub fn sign(&self, badge: Badge) -> String {
        let generation = badge.generation.to_be_bytes();
        let signed = [&[VERSION], badge.registration.uuid().as_bytes().as_slice(), &generation].concat();
        let signature = self.0.sign(&signed).to_bytes();
        URL_SAFE_NO_PAD.encode([signed.as_slice(), &signature].concat())
    }

    /// Decodes a payload and verifies its signature; `None` if it was not signed with this key.
    pub fn verify(&self, text: &str) -> Option<Badge> {
        // A scanner sends any QR code that it is shown: long texts are not decoded.
        let bytes = (text.len() < 2 * BYTES).then(|| URL_SAFE_NO_PAD.decode(text.trim()).ok())??;
        let (signed, signature) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        let signature = Signature::from_slice(signature).ok()?;
        self.0.verify_strict(signed, &signature).ok()?;
        let (version, rest) = signed.split_first()?;
        let (id, generation) =
            rest.split_first_chunk::<{ REGISTRATION_FIELD.bytes }>().filter(|_| *version == VERSION)?;
        Some(Badge {
            registration: RegistrationId::from_uuid(uuid::Uuid::from_bytes(*id)),
            generation: i32::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    #[test]
    fn a_payload_decodes_to_what_was_signed_and_others_are_refused() {
        let secret = ServerSecret::of_test();
        let key = BadgeKey::derive(&secret, Id::new()).unwrap();
        let badge = Badge { registration: Id::new(), generation: 258 };
        let payload = key.sign(badge);
        assert_eq!(payload.len(), 114);
        assert_eq!(key.verify(&payload), Some(badge));
        assert_eq!(key.verify(&format!(" {payload}\n")), Some(badge));
        assert_eq!(BadgeKey::derive(&secret, Id::new()).unwrap().verify(&payload), None);
        let bytes = URL_SAFE_NO_PAD.decode(&payload).unwrap();
        assert_eq!(bytes[17..21], [0, 0, 1, 2]);
        for index in 0..BYTES {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            assert_eq!(key.verify(&URL_SAFE_NO_PAD.encode(&forged)), None, "byte {index}");
        }
        for length in [0, SIGNED_BYTES, BYTES - 1] {
            assert_eq!(key.verify(&URL_SAFE_NO_PAD.encode(&bytes[..length])), None);
        }
        assert_eq!(key.verify(&format!("{payload}AAAA")), None);
        assert_eq!(key.verify(&"WIFI:T:WPA;S:Hall;P:\0;;".repeat(300)), None);
    }
}
