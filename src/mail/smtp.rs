//! SMTP sessions, each step of which has a bound.
//!
//! A connection whose step timed out is closed and never used again: the server may still answer, and the late reply
//! would be taken for the reply to the next message.

use std::{
    cell::Cell,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use lettre::{
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
        response::{Response, Severity},
    },
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{self, Instant},
};

use super::failure::{Failure, FailureKind, Step, reply_text};

/// Longest durations of the steps of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Every step but the last. RFC 5321, section 4.5.3.2, recommends 2 to 5 minutes for relays.
    pub step: Duration,
    /// The reply to the final dot. RFC 5321, section 4.5.3.2.6, requires 10 minutes: a message that is given up here
    /// may be sent twice.
    pub final_reply: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS is required (RFC 3207).
    StartTls,
    /// No encryption.
    None,
}

/// Longest time for which an unused connection is kept: servers close idle connections after some minutes.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Longest wait for one address of the server, before the next is tried.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longest wait for the reply to QUIT.
const QUIT_MAX: Duration = Duration::from_secs(2);
/// Bytes of content for which the bound of a step applies.
const CHUNK_BYTES: usize = 64 * 1024;

/// An SMTP server and a pool of idle connections to it.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    login: Option<Credentials>,
    client_id: ClientId,
    bounds: Bounds,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    idle_max: usize,
    silent_count: AtomicUsize,
}

impl Smtp {
    /// Prepares a server without connecting to it. At most `idle_max` idle connections are kept.
    ///
    /// # Errors
    /// The host is not a valid TLS server name.
    pub fn new(
        host: &str,
        port: u16,
        security: Security,
        login: Option<(String, String)>,
        bounds: Bounds,
        idle_max: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            security,
            tls: TlsParameters::new(host.to_owned()).map_err(io::Error::other)?,
            login: login.map(|(user, password)| Credentials::new(user, password)),
            client_id: ClientId::default(),
            bounds,
            idle: Mutex::default(),
            idle_max,
            silent_count: AtomicUsize::new(0),
        })
    }

    /// Sends a message and returns the server's reply.
    ///
    /// # Errors
    /// The message was not accepted, as far as is known.
    pub async fn send(&self, envelope: &Envelope, content: &[u8]) -> Result<String, Failure> {
        let mut connection = self.connection().await?;
        let result = self.transfer(&mut connection, envelope, content).await;
        if result.as_ref().map_or_else(|failure| failure.is_connection_usable, |_| true) {
            self.keep_idle(connection);
        }
        result
    }

    /// Connects, and logs in if there are credentials.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the credentials.
    pub async fn check(&self) -> Result<(), Failure> {
        let connection = self.open().await?;
        quit(connection).await;
        Ok(())
    }

    /// Number of messages that have waited for the reply to their final dot for longer than the bound of a step.
    pub fn silent_count(&self) -> usize {
        self.silent_count.load(Ordering::Relaxed)
    }

    /// Closes connections that have been idle for longer than [`IDLE_MAX`].
    pub fn close_idle(&self) {
        let now = Instant::now();
        let old: Vec<_> = self.idle().extract_if(.., |(_, since)| now.duration_since(*since) > IDLE_MAX).collect();
        for (connection, _) in old {
            tokio::spawn(quit(connection));
        }
    }

    /// Closes every idle connection.
    pub async fn close(&self) {
        let all = std::mem::take(&mut *self.idle());
        join_all(all.into_iter().map(|(connection, _)| quit(connection))).await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_idle(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.len() < self.idle_max {
            idle.push((connection, Instant::now()));
        }
    }

    /// Returns a connection that is ready for a message: an idle one that answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Failure> {
        loop {
            self.close_idle();
            let Some((mut connection, _)) = self.idle().pop() else { return self.open().await };
            match self.expect_success(Step::Reset, connection.command(Rset)).await {
                Ok(_) => return Ok(connection),
                Err(failure) if failure.is_timeout => {
                    // The other idle connections lead to the same silent server.
                    self.idle().clear();
                    return Err(failure);
                }
                // The server has closed it in the meantime, as it may.
                Err(_) => {}
            }
        }
    }

    /// Connects to the first address of the server that accepts, and logs in.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let lookup = time::timeout(self.bounds.step, lookup_host((self.host.as_str(), self.port))).await;
        let addresses: Vec<SocketAddr> = lookup
            .map_err(|_| Failure::timeout(Step::Connect, self.bounds.step))?
            .map_err(|error| Failure::no_connection(&error))?
            .collect();
        let mut connection = match self.security {
            Security::Implicit => self.open_with_tls(&addresses).await?,
            Security::StartTls | Security::None => {
                let stream = self.connect(&addresses).await?;
                let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.client_id);
                self.within_bound(Step::Greeting, greeting).await?
            }
        };
        if self.security == Security::StartTls {
            self.within_bound(Step::StartTls, connection.starttls(self.tls.clone(), &self.client_id)).await?;
        }
        if let Some(login) = &self.login {
            self.expect_success(Step::Login, connection.auth(DEFAULT_MECHANISMS, login)).await?;
        }
        Ok(connection)
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let bound = self.bounds.step.min(CONNECT_MAX);
        let mut failure = Failure::new(FailureKind::Unreachable, "the host has no address");
        for address in addresses {
            match time::timeout(bound, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = Failure::no_connection(&error),
                Err(_) => failure = Failure::timeout(Step::Connect, bound),
            }
        }
        Err(failure)
    }

    /// `lettre` connects, does the TLS handshake and sends EHLO in one call.
    async fn open_with_tls(&self, addresses: &[SocketAddr]) -> Result<AsyncSmtpConnection, Failure> {
        let bound_per_address = self.bounds.step.min(CONNECT_MAX);
        let bound = bound_per_address * u32::try_from(addresses.len()).unwrap_or(1) + self.bounds.step;
        let tls = Some(self.tls.clone());
        let opening =
            AsyncSmtpConnection::connect_tokio1(addresses, Some(bound_per_address), &self.client_id, tls, None);
        let opened = time::timeout(bound, opening).await.map_err(|_| Failure::timeout(Step::Connect, bound))?;
        opened.map_err(|error| Failure::at(Step::Connect, &error))
    }

    async fn transfer(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        content: &[u8],
    ) -> Result<String, Failure> {
        let parameters = parameters(connection, envelope, content)?;
        let sender = envelope.from().cloned();
        self.expect_success(Step::Mail, connection.command(Mail::new(sender, parameters))).await?;
        for recipient in envelope.to() {
            self.expect_success(Step::Rcpt, connection.command(Rcpt::new(recipient.clone(), Vec::new()))).await?;
        }
        let reply = self.within_bound(Step::Data, connection.command(Data)).await?;
        if !reply.has_code(354) {
            return Err(Failure::unexpected_reply(Step::Data, &reply));
        }
        let reply = self.send_content(connection, content).await?;
        Ok(reply_text(&reply))
    }

    /// Writes the content and waits for the reply to the final dot.
    async fn send_content(&self, connection: &mut AsyncSmtpConnection, content: &[u8]) -> Result<Response, Failure> {
        let Bounds { step, final_reply } = self.bounds;
        // `lettre` asks for a chunk once the one before is written.
        let requested = Cell::new((Instant::now(), false));
        let mut chunks = content.chunks(CHUNK_BYTES);
        let content_chunks = std::iter::from_fn(|| {
            let chunk = chunks.next();
            requested.set((Instant::now(), chunk.is_none()));
            chunk
        });
        let mut sending = pin!(connection.message_iter(content_chunks));
        let written_at = loop {
            let (at, is_complete) = requested.get();
            if is_complete {
                break at;
            }
            match time::timeout_at(at + step, &mut sending).await {
                Ok(reply) => return final_reply_of(reply),
                Err(_) if requested.get() == (at, false) => return Err(Failure::timeout(Step::Content, step)),
                Err(_) => {}
            }
        };
        if let Ok(reply) = time::timeout_at(written_at + step.min(final_reply), &mut sending).await {
            return final_reply_of(reply);
        }
        let _silent = SilentMessage::count(&self.silent_count);
        match time::timeout_at(written_at + final_reply, &mut sending).await {
            Ok(reply) => final_reply_of(reply),
            Err(_) => Err(Failure::timeout(Step::FinalReply, final_reply)),
        }
    }

    /// Runs a step that needs a positive reply.
    async fn expect_success(
        &self,
        step: Step,
        work: impl Future<Output = Result<Response, Error>>,
    ) -> Result<Response, Failure> {
        let reply = self.within_bound(step, work).await?;
        expect_completion(step, reply)
    }

    async fn within_bound<T>(&self, step: Step, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        let bound = self.bounds.step;
        let result = time::timeout(bound, work).await.map_err(|_| Failure::timeout(step, bound))?;
        result.map_err(|error| Failure::at(step, &error))
    }
}

/// Counts a message as silent until it is dropped.
struct SilentMessage<'a>(&'a AtomicUsize);

impl<'a> SilentMessage<'a> {
    fn count(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for SilentMessage<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends QUIT, if the server still listens.
async fn quit(mut connection: AsyncSmtpConnection) {
    // The connection is closed in any case.
    _ = time::timeout(QUIT_MAX, connection.quit()).await;
}

fn final_reply_of(reply: Result<Response, Error>) -> Result<Response, Failure> {
    let reply = reply.map_err(|error| Failure::at(Step::FinalReply, &error))?;
    expect_completion(Step::FinalReply, reply)
}

/// A positive completion reply, and not an intermediate one (RFC 5321, section 4.2.1).
fn expect_completion(step: Step, reply: Response) -> Result<Response, Failure> {
    match reply.code().severity {
        Severity::PositiveCompletion => Ok(reply),
        _ => Err(Failure::unexpected_reply(step, &reply)),
    }
}

/// The parameters that MAIL FROM needs for this message (RFC 6531, RFC 6152).
fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    content: &[u8],
) -> Result<Vec<MailParameter>, Failure> {
    let lacks = |extension| !connection.server_info().supports_feature(extension);
    let refused = |reason| {
        Err(Failure {
            step: Some(Step::Mail),
            is_connection_usable: true,
            ..Failure::new(FailureKind::Permanent, reason)
        })
    };
    let mut parameters = Vec::new();
    if envelope.from().into_iter().chain(envelope.to()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if lacks(Extension::SmtpUtfEight) {
            return refused("the address is not ASCII, and the mail server does not support SMTPUTF8");
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() {
        if lacks(Extension::EightBitMime) {
            return refused("the message is not ASCII, and the mail server does not support 8BITMIME");
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    const GREETING: &[(&str, &str)] = &[("", "220 hello"), ("EHLO", "250-hello\r\n250-STARTTLS\r\n250 AUTH PLAIN")];

    /// A server that answers each connection by a script of expected commands and replies, and then falls silent.
    fn server(scripts: Vec<Vec<(&'static str, &'static str)>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut open = Vec::new();
            for script in scripts {
                let mut stream = BufReader::new(listener.accept().unwrap().0);
                for (command, answer) in script {
                    let mut line = String::new();
                    // A message ends with a dot.
                    while !command.is_empty() && !line.starts_with(command) {
                        line.clear();
                        assert!(stream.read_line(&mut line).unwrap() > 0, "{command} never came");
                    }
                    stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).unwrap();
                }
                open.push(stream);
            }
            thread::park();
        });
        port
    }

    fn client(port: u16, security: Security, login: Option<(String, String)>) -> Smtp {
        let bounds = Bounds { step: Duration::from_millis(200), final_reply: Duration::from_millis(400) };
        Smtp::new("127.0.0.1", port, security, login, bounds, 1).unwrap()
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    fn envelope() -> Envelope {
        Envelope::new(Some("from@example.org".parse().unwrap()), vec!["to@example.org".parse().unwrap()]).unwrap()
    }

    fn failure_of(sent: Result<String, Failure>) -> (Option<Step>, FailureKind, bool) {
        let failure = sent.unwrap_err();
        (failure.step, failure.kind, failure.is_timeout)
    }

    #[test]
    fn a_server_that_falls_silent_before_it_has_the_message_is_unreachable() {
        let begun = |more: &[(&'static str, &'static str)]| [GREETING, more].concat();
        let login = Some(("user".to_owned(), "password".to_owned()));
        let cases = [
            (vec![], Security::None, None, Step::Greeting),
            (GREETING[..1].to_vec(), Security::None, None, Step::Greeting),
            (vec![], Security::Implicit, None, Step::Connect),
            (begun(&[]), Security::StartTls, None, Step::StartTls),
            (begun(&[("STARTTLS", "220 go on")]), Security::StartTls, None, Step::StartTls),
            (begun(&[]), Security::None, login, Step::Login),
            (begun(&[]), Security::None, None, Step::Mail),
            (begun(&[("MAIL", "250 ok")]), Security::None, None, Step::Rcpt),
            (begun(&[("MAIL", "250 ok"), ("RCPT", "250 ok")]), Security::None, None, Step::Data),
        ];
        for (script, security, login, step) in cases {
            let smtp = client(server(vec![script]), security, login);
            assert_eq!(
                failure_of(run(smtp.send(&envelope(), b"x\r\n"))),
                (Some(step), FailureKind::Unreachable, true),
                "{step:?}"
            );
        }
    }

    #[test]
    fn a_timeout_after_the_content_was_sent_counts_as_an_attempt() {
        let accepted = [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go on")];
        // More than the system buffers for a server that does not read.
        let cases = [(vec![b'x'; 64 << 20], Step::Content), (b"x\r\n".to_vec(), Step::FinalReply)];
        for (content, step) in cases {
            let smtp = client(server(vec![[GREETING, &accepted].concat()]), Security::None, None);
            assert_eq!(failure_of(run(smtp.send(&envelope(), &content))), (Some(step), FailureKind::Transient, true));
            assert_eq!(smtp.silent_count(), 0);
        }
    }

    #[test]
    fn a_connection_is_used_again_only_if_every_command_had_its_reply() {
        let refused = [("MAIL", "250 ok"), ("RCPT", "550 no such mailbox"), ("RSET", "250 ok")];
        let sent = [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go on"), (".\r\n", "250 first")];
        let again = [GREETING, &sent[..3], &[(".\r\n", "250 second")]].concat();
        let smtp = client(server(vec![[GREETING, &refused, &sent].concat(), again]), Security::None, None);
        run(async {
            let refused = smtp.send(&envelope(), b"x\r\n").await;
            assert_eq!(failure_of(refused), (Some(Step::Rcpt), FailureKind::Permanent, false));
            assert_eq!(smtp.send(&envelope(), b".\r\nx\r\n").await.unwrap(), "250 first");
            // The kept connection does not answer RSET; the next one is new.
            let silent = smtp.send(&envelope(), b"x\r\n").await;
            assert_eq!(failure_of(silent), (Some(Step::Reset), FailureKind::Unreachable, true));
            assert_eq!(smtp.send(&envelope(), b"x\r\n").await.unwrap(), "250 second");
        });
    }

    #[test]
    fn a_server_that_refuses_us_is_unreachable() {
        let greetings = [vec![("", "554 no mail here")], [GREETING, &[("MAIL", "530 log in first")]].concat()];
        for (script, step) in greetings.into_iter().zip([Step::Greeting, Step::Mail]) {
            let smtp = client(server(vec![script]), Security::None, None);
            assert_eq!(
                failure_of(run(smtp.send(&envelope(), b"x\r\n"))),
                (Some(step), FailureKind::Unreachable, false)
            );
        }
        let odd = [GREETING, &[("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "250 a reply of before")]].concat();
        let smtp = client(server(vec![odd]), Security::None, None);
        assert_eq!(
            failure_of(run(smtp.send(&envelope(), b"x\r\n"))),
            (Some(Step::Data), FailureKind::Unreachable, false)
        );
    }
}
