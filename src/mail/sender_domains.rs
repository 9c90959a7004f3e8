//! The domains that the senders of letters may have. DNS must let this service send for them, so the operator lists
//! them.

use std::sync::Arc;

use crate::values::EmailAddress;

/// The domains, in ASCII.
#[derive(Debug, Clone, Default)]
pub struct SenderDomains(Arc<[String]>);

impl SenderDomains {
    /// The domain of the address `from`, and the listed ones.
    ///
    /// # Errors
    /// What is wrong, to be written after the setting's name.
    pub fn parse(from: &str, listed: &[String]) -> Result<Self, String> {
        let own = from.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('>').to_owned());
        // The address was checked by itself; its domain may be no host name.
        let own = own.map(|domain| ascii(&domain).unwrap_or_else(|| domain.to_lowercase()));
        let mut domains: Vec<String> = own.into_iter().collect();
        for domain in listed {
            let ascii =
                ascii(domain).ok_or_else(|| format!("must list domains such as ministry.example, not {domain}"))?;
            if !domains.contains(&ascii) {
                domains.push(ascii);
            }
        }
        Ok(Self(domains.into()))
    }

    pub fn all(&self) -> &[String] {
        &self.0
    }

    /// Whether a sender may have this address.
    pub fn allow(&self, address: &EmailAddress) -> bool {
        let folded = address.folded();
        folded.rsplit_once('@').is_some_and(|(_, domain)| self.0.iter().any(|allowed| allowed == domain))
    }
}

/// The domain in ASCII and lower case (RFC 5890); `None` if it is none.
fn ascii(domain: &str) -> Option<String> {
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => Some(ascii),
        _ => None,
    }
}
