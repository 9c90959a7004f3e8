//! A mail server that hangs where a test wants it to, on threads of its own.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use super::app::TIMEOUT;

/// The step at which a connection hangs, after the command was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hang {
    /// It accepts the connection and says nothing.
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    /// It reads nothing of the letter.
    Content,
    FinalDot,
}

/// What the server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A connection hangs; its recipient, if known.
    Hung(Hang, String),
    /// A letter was accepted: its recipient and its Message-ID.
    Accepted(String, String),
}

/// How the server treats connections.
#[derive(Debug, Default)]
struct Script {
    /// Where the next connections hang, one each.
    hangs: VecDeque<Hang>,
    /// How long connections hang before they continue; `None`: until the client goes.
    resume_after: Option<Duration>,
    /// Replies to the next recipients; then 250.
    recipient_replies: VecDeque<&'static [u8]>,
    /// Replies to the next letters, once they were read; then 250.
    final_replies: VecDeque<&'static [u8]>,
    /// Whether it refuses every letter, once it has read it.
    refuses_letters: bool,
}

/// A running server.
pub struct ScriptedMailServer {
    pub port: u16,
    events: Receiver<Event>,
}

impl ScriptedMailServer {
    /// The first connections hang, one each; those after them do not.
    pub fn start(hangs: &[Hang]) -> Self {
        Self::start_script(Script { hangs: hangs.iter().copied().collect(), ..Script::default() })
    }

    /// The first connection hangs and goes on after `resume_after`. Every letter is refused, once it was read.
    pub fn start_slow_refusing(hang: Hang, resume_after: Duration) -> Self {
        Self::start_script(Script {
            hangs: VecDeque::from([hang]),
            resume_after: Some(resume_after),
            refuses_letters: true,
            ..Script::default()
        })
    }

    /// The first connection hangs and goes on after `resume_after`.
    pub fn start_slow(hang: Hang, resume_after: Duration) -> Self {
        Self::start_script(Script {
            hangs: VecDeque::from([hang]),
            resume_after: Some(resume_after),
            ..Script::default()
        })
    }

    /// Sends these replies to letters in turn, once they were read, and 250 to those that follow.
    pub fn start_with_final_replies(final_replies: &[&'static [u8]]) -> Self {
        Self::start_script(Script { final_replies: final_replies.iter().copied().collect(), ..Script::default() })
    }

    /// Sends these replies to recipients in turn, and 250 to those that follow.
    pub fn start_with_recipient_replies(replies: &[&'static [u8]]) -> Self {
        Self::start_script(Script { recipient_replies: replies.iter().copied().collect(), ..Script::default() })
    }

    /// Whether there are events that were not waited for.
    pub fn has_more_events(&self) -> bool {
        self.events.try_recv().is_ok()
    }

    fn start_script(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, events) = channel();
        let script = Arc::new(Mutex::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, sender) = (Arc::clone(&script), sender.clone());
                thread::spawn(move || {
                    let (hang, resume_after, refuses_letters) = {
                        let mut script = script.lock().unwrap();
                        (script.hangs.pop_front(), script.resume_after, script.refuses_letters)
                    };
                    // The client may go at any time.
                    _ = Conversation {
                        stream: BufReader::new(stream),
                        hang,
                        resume_after,
                        refuses_letters,
                        script,
                        sender,
                    }
                    .run();
                });
            }
        });
        Self { port, events }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Waits for what comes next.
    pub fn next(&self) -> Event {
        self.events.recv_timeout(TIMEOUT).expect("nothing comes")
    }

    /// Waits for the next `count` letters, whatever else happens: to whom, and their Message-IDs.
    pub fn next_accepted(&self, count: usize) -> Vec<(String, String)> {
        let mut accepted = Vec::new();
        while accepted.len() < count {
            if let Event::Accepted(to, id) = self.next() {
                accepted.push((to, id));
            }
        }
        accepted
    }

    /// Waits until `count` connections hang, and answers over whom.
    pub fn next_hung(&self, count: usize) -> Vec<(Hang, String)> {
        let mut hung = Vec::new();
        while hung.len() < count {
            if let Event::Hung(hang, to) = self.next() {
                hung.push((hang, to));
            }
        }
        hung
    }
}

struct Conversation {
    stream: BufReader<TcpStream>,
    hang: Option<Hang>,
    resume_after: Option<Duration>,
    refuses_letters: bool,
    script: Arc<Mutex<Script>>,
    sender: Sender<Event>,
}

impl Conversation {
    fn run(mut self) -> std::io::Result<()> {
        let mut to = String::new();
        self.hang_or_reply(Hang::Greeting, &to, "220 ready")?;
        loop {
            let line = self.read_line()?;
            match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
                "EHLO" => self.hang_or_reply(Hang::Ehlo, &to, "250-ready\r\n250-SMTPUTF8\r\n250 8BITMIME")?,
                "MAIL" => self.hang_or_reply(Hang::Mail, &to, "250 ok")?,
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    self.hang_if_scripted(Hang::Rcpt, &to)?;
                    let reply = self.script.lock().unwrap().recipient_replies.pop_front();
                    self.stream.get_mut().write_all(reply.unwrap_or(b"250 ok\r\n"))?;
                }
                "DATA" => {
                    self.hang_or_reply(Hang::Data, &to, "354 go on")?;
                    self.hang_if_scripted(Hang::Content, &to)?;
                    let id = self.read_letter()?;
                    self.hang_if_scripted(Hang::FinalDot, &to)?;
                    if self.refuses_letters {
                        self.reply("550 not wanted")?;
                        continue;
                    }
                    _ = self.sender.send(Event::Accepted(to.clone(), id));
                    let reply = self.script.lock().unwrap().final_replies.pop_front();
                    self.stream.get_mut().write_all(reply.unwrap_or(b"250 ok\r\n"))?;
                }
                "QUIT" => return self.reply("221 bye"),
                _ => self.reply("250 ok")?,
            }
        }
    }

    fn hang_or_reply(&mut self, step: Hang, to: &str, reply: &str) -> std::io::Result<()> {
        self.hang_if_scripted(step, to)?;
        self.reply(reply)
    }

    /// Hangs at the step where it has to: until the client goes, or until `resume_after` is over.
    fn hang_if_scripted(&mut self, step: Hang, to: &str) -> std::io::Result<()> {
        if self.hang != Some(step) {
            return Ok(());
        }
        self.hang = None;
        _ = self.sender.send(Event::Hung(step, to.to_owned()));
        if let Some(resume_after) = self.resume_after {
            thread::sleep(resume_after);
            return Ok(());
        }
        if step == Hang::Content {
            // Nothing is read, so that nothing tells when the client goes.
            loop {
                thread::park();
            }
        }
        self.stream.read_to_end(&mut Vec::new())?;
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }

    fn reply(&mut self, reply: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{reply}\r\n").as_bytes())
    }

    fn read_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Reads a letter to its end; answers its Message-ID.
    fn read_letter(&mut self) -> std::io::Result<String> {
        let mut id = String::new();
        loop {
            let line = self.read_line()?;
            if line == "." {
                return Ok(id);
            }
            if let Some(value) = line.strip_prefix("Message-ID: ") {
                value.clone_into(&mut id);
            }
        }
    }
}
