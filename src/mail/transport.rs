//! Transports of mail: a folder of `.eml` files, or an SMTP server.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use lettre::{Address, Message, message::Mailbox};
use tokio::{sync::Semaphore, time};
use url::Url;

use super::{
    failure::{Failure, FailureKind},
    smtp::{Bounds, Security, Smtp},
};
use crate::{
    database::{DatabaseError, blocking, private_folder},
    http::client::canonical,
};

/// The setting `mail_url`.
#[derive(Clone, PartialEq, Eq)]
pub enum MailUrl {
    /// A folder for `.eml` files.
    File(PathBuf),
    Smtp(SmtpUrl),
}

/// Address and credentials of an SMTP server.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, String)>,
}

/// A mail URL may contain a password: only its host and port are printed.
impl std::fmt::Debug for MailUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(folder) => write!(f, "file:{}", folder.display()),
            Self::Smtp(smtp) => write!(f, "smtp server {}:{}", smtp.host, smtp.port),
        }
    }
}

impl MailUrl {
    /// Parses `file:<folder>`, `smtp://user:password@host:port` or `smtps://...`.
    ///
    /// # Errors
    /// What is wrong, to be written after the setting's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return match folder {
                "" => Err("must name a folder: file:var/mail".to_owned()),
                folder => Ok(Self::File(PathBuf::from(folder))),
            };
        }
        let expected = "must be file:<folder>, smtp://user:password@host:port or smtps://user:password@host:port";
        let url = Url::parse(text).map_err(|_| expected.to_owned())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(expected)?.to_owned();
        let parameters: Vec<_> = url.query_pairs().collect();
        let without_tls = match parameters.as_slice() {
            [] => false,
            [(name, value)] if name == "tls" && value == "none" => true,
            _ => return Err("takes no other parameter than ?tls=none".to_owned()),
        };
        let address = host.trim_matches(['[', ']']);
        let is_loopback = host == "localhost" || address.parse().is_ok_and(|ip| canonical(ip).is_loopback());
        let (security, default_port) = match url.scheme() {
            "smtps" if without_tls => return Err("smtps:// cannot be without TLS".to_owned()),
            "smtps" => (Security::Implicit, 465),
            "smtp" if without_tls || is_loopback => (Security::None, 587),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(expected.to_owned()),
        };
        let decoded = |part: &str| {
            url::form_urlencoded::parse(format!("x={}", part.replace('+', "%2B")).as_bytes())
                .next()
                .map_or_else(String::new, |(_, value)| value.into_owned())
        };
        let login = match (url.username(), url.password()) {
            ("", _) => None,
            (_, None) => return Err("must give a password beside the user".to_owned()),
            (user, Some(password)) => Some((decoded(user), decoded(password))),
        };
        Ok(Self::Smtp(SmtpUrl { host, port: url.port().unwrap_or(default_port), security, login }))
    }
}

/// Checks the sender's address.
///
/// # Errors
/// What is wrong, to be written after the setting's name.
pub fn checked_sender(text: &str) -> Result<String, &'static str> {
    Mailbox::from_str(text)
        .map(|_| text.to_owned())
        .map_err(|_| "must be an address such as Plenary <plenary@example.org>")
}

/// Whether a message can be addressed to this address.
pub fn is_deliverable(address: &str) -> bool {
    let Ok(address) = Address::from_str(address) else {
        return false;
    };
    let to = Mailbox::new(None, address.clone());
    Message::builder()
        .from(to.clone())
        .to(to)
        .body(String::new())
        .is_ok_and(|message| message.envelope().to() == [address])
}

/// An open transport.
pub enum Transport {
    File(Folder),
    Smtp(Box<Smtp>),
}

/// A folder for messages.
pub struct Folder {
    path: PathBuf,
    /// Longest duration of a write.
    bound: Duration,
    /// Limits the writes in progress. A write that the disk never finishes keeps its permit.
    writes: Arc<Semaphore>,
}

impl Transport {
    /// Opens a transport without sending anything.
    ///
    /// # Errors
    /// The folder cannot be created, or the host is not a valid TLS server name.
    pub fn open(url: &MailUrl, connections: usize, bounds: Bounds) -> io::Result<Self> {
        Ok(match url {
            MailUrl::File(path) => {
                private_folder(path)?;
                let writes = Arc::new(Semaphore::new(connections));
                Self::File(Folder { path: path.clone(), bound: bounds.step, writes })
            }
            MailUrl::Smtp(SmtpUrl { host, port, security, login }) => {
                Self::Smtp(Box::new(Smtp::new(host, *port, *security, login.clone(), bounds, connections)?))
            }
        })
    }

    /// Sends a message and returns the server's reply; `message_id` is without angle brackets.
    ///
    /// # Errors
    /// The message was not accepted, as far as is known.
    pub async fn send(&self, message: Message, message_id: &str) -> Result<String, Failure> {
        match self {
            Self::File(folder) => folder.write(message_id, message.formatted()).await,
            Self::Smtp(smtp) => smtp.send(message.envelope(), &message.formatted()).await,
        }
    }

    /// Checks that the folder can be used; or connects, and logs in if there are credentials.
    ///
    /// # Errors
    /// The error of the folder, or the server's reply.
    pub async fn check(&self) -> Result<(), String> {
        match self {
            Self::File(folder) => private_folder(&folder.path).map_err(|error| error.to_string()),
            Self::Smtp(smtp) => smtp.check().await.map_err(|failure| failure.reason),
        }
    }

    /// Number of messages that have waited for the reply to their final dot for longer than the bound of a step.
    pub fn silent_count(&self) -> usize {
        match self {
            Self::File(_) => 0,
            Self::Smtp(smtp) => smtp.silent_count(),
        }
    }

    /// Closes connections that have been idle for long.
    pub fn close_idle(&self) {
        if let Self::Smtp(smtp) = self {
            smtp.close_idle();
        }
    }

    /// Closes every idle connection.
    pub async fn close(&self) {
        if let Self::Smtp(smtp) = self {
            smtp.close().await;
        }
    }
}

impl Folder {
    async fn write(&self, message_id: &str, bytes: Vec<u8>) -> Result<String, Failure> {
        let unreachable = |reason: String| Failure::new(FailureKind::Unreachable, reason);
        let seconds = self.bound.as_secs_f32();
        let written = async {
            let write = Arc::clone(&self.writes).acquire_owned().await;
            let (path, file) = (self.path.clone(), message_id.to_owned());
            blocking(move || {
                let _write = write;
                Ok::<_, DatabaseError>(write_atomically(&path, &file, &bytes))
            })
            .await
        };
        match time::timeout(self.bound, written).await {
            Ok(Ok(Ok(()))) => Ok(format!("written to {message_id}.eml")),
            Ok(Ok(Err(error))) => Err(unreachable(error.to_string())),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable(format!("the folder did not take the message within {seconds} s"))),
        }
    }
}

/// Writes a temporary file, syncs it and renames it, so that a program which watches the folder sees complete messages
/// only.
fn write_atomically(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    private_folder(folder)?;
    let part_file = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part_file)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part_file, folder.join(format!("{name}.eml")))?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(text: &str) -> (String, u16, Security, Option<(String, String)>) {
        match MailUrl::parse(text) {
            Ok(MailUrl::Smtp(smtp)) => (smtp.host, smtp.port, smtp.security, smtp.login),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn tls_is_required_unless_the_host_is_this_machine_or_the_url_says_none() {
        let host = || "mail.example".to_owned();
        assert_eq!(smtp("smtps://mail.example"), (host(), 465, Security::Implicit, None));
        assert_eq!(smtp("smtp://mail.example"), (host(), 587, Security::StartTls, None));
        assert_eq!(smtp("smtp://mail.example:25?tls=none"), (host(), 25, Security::None, None));
        assert_eq!(smtp("smtp://127.0.0.1:1025").2, Security::None);
        assert_eq!(smtp("smtp://[::1]:1025").2, Security::None);
        let login = Some(("a@b".to_owned(), "p:w+d".to_owned()));
        assert_eq!(smtp("smtps://a%40b:p%3Aw+d@mail.example").3, login);
        for wrong in ["", "file:", "http://x", "smtp:", "smtps://h?tls=none", "smtp://h?x=y", "smtp://user@h"] {
            assert!(MailUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
