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

use super::app::PATIENCE;

/// What it does not answer, once it has heard it.
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

/// What it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It hangs; over which address, if it knows one.
    Hung(Hang, String),
    /// It took a letter: to whom, and its Message-ID.
    Accepted(String, String),
}

/// How it treats the connections that come.
#[derive(Debug, Default)]
struct Plan {
    /// Where the next connections hang, one each.
    hangs: VecDeque<Hang>,
    /// Connections that hang go on after so long, as if nothing had been.
    late: Option<Duration>,
    /// What it says to addresses; yes, if nothing is left.
    of_addresses: VecDeque<&'static [u8]>,
    /// What it says once it has read a letter; yes, if nothing is left.
    last_words: VecDeque<&'static [u8]>,
    /// Whether it refuses every letter, once it has read it.
    refuses: bool,
}

/// A running server.
pub struct Scripted {
    pub port: u16,
    events: Receiver<Event>,
}

impl Scripted {
    /// The first connections hang, one each; those after them do not.
    pub fn start(hangs: &[Hang]) -> Self {
        Self::with(Plan { hangs: hangs.iter().copied().collect(), ..Plan::default() })
    }

    /// The first connection hangs and goes on after `late`. Every letter is refused, once it was read.
    pub fn start_late(hang: Hang, late: Duration) -> Self {
        Self::with(Plan { hangs: VecDeque::from([hang]), late: Some(late), refuses: true, ..Plan::default() })
    }

    /// The first connection hangs and goes on after `late`.
    pub fn start_slow(hang: Hang, late: Duration) -> Self {
        Self::with(Plan { hangs: VecDeque::from([hang]), late: Some(late), ..Plan::default() })
    }

    /// Says this of each letter in turn, once it has read it, and yes of those that follow.
    pub fn start_saying(last_words: &[&'static [u8]]) -> Self {
        Self::with(Plan { last_words: last_words.iter().copied().collect(), ..Plan::default() })
    }

    /// Says this to each address in turn, and yes to those that follow.
    pub fn start_saying_to_addresses(words: &[&'static [u8]]) -> Self {
        Self::with(Plan { of_addresses: words.iter().copied().collect(), ..Plan::default() })
    }

    /// Whether it did anything that no test has asked about yet.
    pub fn has_done_more(&self) -> bool {
        self.events.try_recv().is_ok()
    }

    fn with(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, events) = channel();
        let plan = Arc::new(Mutex::new(plan));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (plan, sender) = (Arc::clone(&plan), sender.clone());
                thread::spawn(move || {
                    let (hang, late, refuses) = {
                        let mut plan = plan.lock().unwrap();
                        (plan.hangs.pop_front(), plan.late, plan.refuses)
                    };
                    // The client may go at any time.
                    _ = Conversation { stream: BufReader::new(stream), hang, late, refuses, plan, sender }.run();
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
        self.events.recv_timeout(PATIENCE).expect("nothing comes")
    }

    /// Waits for the next `count` letters, whatever else happens: to whom, and their Message-IDs.
    pub fn accepted(&self, count: usize) -> Vec<(String, String)> {
        let mut accepted = Vec::new();
        while accepted.len() < count {
            if let Event::Accepted(to, id) = self.next() {
                accepted.push((to, id));
            }
        }
        accepted
    }

    /// Waits until `count` connections hang, and answers over whom.
    pub fn hung(&self, count: usize) -> Vec<(Hang, String)> {
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
    late: Option<Duration>,
    refuses: bool,
    plan: Arc<Mutex<Plan>>,
    sender: Sender<Event>,
}

impl Conversation {
    fn run(mut self) -> std::io::Result<()> {
        let mut to = String::new();
        self.answer(Hang::Greeting, &to, "220 ready")?;
        loop {
            let line = self.line()?;
            match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
                "EHLO" => self.answer(Hang::Ehlo, &to, "250-ready\r\n250-SMTPUTF8\r\n250 8BITMIME")?,
                "MAIL" => self.answer(Hang::Mail, &to, "250 ok")?,
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    self.maybe_hang(Hang::Rcpt, &to)?;
                    let words = self.plan.lock().unwrap().of_addresses.pop_front();
                    self.stream.get_mut().write_all(words.unwrap_or(b"250 ok\r\n"))?;
                }
                "DATA" => {
                    self.answer(Hang::Data, &to, "354 go on")?;
                    self.maybe_hang(Hang::Content, &to)?;
                    let id = self.letter()?;
                    self.maybe_hang(Hang::FinalDot, &to)?;
                    if self.refuses {
                        self.say("550 not wanted")?;
                        continue;
                    }
                    _ = self.sender.send(Event::Accepted(to.clone(), id));
                    let last_word = self.plan.lock().unwrap().last_words.pop_front();
                    self.stream.get_mut().write_all(last_word.unwrap_or(b"250 ok\r\n"))?;
                }
                "QUIT" => return self.say("221 bye"),
                _ => self.say("250 ok")?,
            }
        }
    }

    fn answer(&mut self, step: Hang, to: &str, reply: &str) -> std::io::Result<()> {
        self.maybe_hang(step, to)?;
        self.say(reply)
    }

    /// Hangs at the step where it has to: until the client goes, or until it is late.
    fn maybe_hang(&mut self, step: Hang, to: &str) -> std::io::Result<()> {
        if self.hang != Some(step) {
            return Ok(());
        }
        self.hang = None;
        _ = self.sender.send(Event::Hung(step, to.to_owned()));
        if let Some(late) = self.late {
            thread::sleep(late);
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

    fn say(&mut self, reply: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{reply}\r\n").as_bytes())
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Reads a letter to its end; answers its Message-ID.
    fn letter(&mut self) -> std::io::Result<String> {
        let mut id = String::new();
        loop {
            let line = self.line()?;
            if line == "." {
                return Ok(id);
            }
            if let Some(found) = line.strip_prefix("Message-ID: ") {
                found.clone_into(&mut id);
            }
        }
    }
}
