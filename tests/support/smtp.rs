//! A mail server as a process of its own (aiosmtpd), and the messages that it accepted.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

use serde_json::Value;

use super::app::{TIMEOUT, repository};

const PYTHON_VARIABLE: &str = "PLENARY_TEST_PYTHON";

/// The tests' Python.
pub fn python() -> String {
    std::env::var(PYTHON_VARIABLE).unwrap_or_else(|_| "python3".to_owned())
}

/// Runs a script of the tests' Python, and answers what it printed.
pub fn run_python(script: &str, input: &str) -> String {
    use std::io::Write as _;
    let mut process =
        Command::new(python()).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the tests' Python has these modules; if not, the test says that it was skipped.
pub fn python_has(modules: &str) -> bool {
    let has_modules = Command::new(python())
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_modules {
        super::report_skipped(&format!("{PYTHON_VARIABLE} (default python3) lacks one of {modules}"));
    }
    has_modules
}

/// Whether the tests' Python has the mail server and the calendar reader.
pub fn is_available() -> bool {
    python_has("aiosmtpd, icalendar")
}

/// A message that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

/// A running mail server.
pub struct Smtp {
    pub port: u16,
    process: Child,
    messages: Receiver<Accepted>,
}

impl Smtp {
    /// A server that takes mail from everyone.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with options of the script.
    pub fn start_with(options: &[&str]) -> Self {
        let mut command = Command::new(python());
        command.arg(repository().join("tests/support/smtp.py")).args(options);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        Self { port, process, messages: receive(lines) }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Waits for the next `count` messages.
    pub fn wait_for(&self, count: usize) -> Vec<Accepted> {
        (0..count)
            .map(|index| {
                let message = self.messages.recv_timeout(TIMEOUT);
                message.unwrap_or_else(|_| panic!("{index} of {count} messages came"))
            })
            .collect()
    }

    /// Messages that came up to now and were not waited for.
    pub fn remaining(&self) -> Vec<Accepted> {
        self.messages.try_iter().collect()
    }
}

impl Accepted {
    /// The path and query of the reader's link, as the plain text has it.
    pub fn link(&self) -> String {
        // Quoted-printable (RFC 2045, 6.7) breaks lines with `=` and writes `=` as `=3D`.
        let text = self.data.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
        let from = text.find("/api/").expect("a letter has a link");
        text[from..].split_whitespace().next().unwrap().to_owned()
    }

    /// A header as it was written, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
        let head = head.split("\n\n").next().unwrap_or_default().to_owned();
        let prefix = format!("{}:", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    }

    /// The subject, in words.
    pub fn subject(&self) -> String {
        let script = "import sys, email, email.policy\n\
                      print(email.message_from_string(sys.stdin.read(), policy=email.policy.default)['subject'])";
        run_python(script, &self.data).trim().to_owned()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn receive(lines: Lines<BufReader<ChildStdout>>) -> Receiver<Accepted> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let message: Value = serde_json::from_str(&line).unwrap();
            let to = message["to"].as_array().unwrap().iter().map(|to| to.as_str().unwrap().to_owned()).collect();
            let data = message["data"].as_str().unwrap().to_owned();
            let from = message["from"].as_str().unwrap_or_default().to_owned();
            if sender.send(Accepted { from, to, data }).is_err() {
                break;
            }
        }
    });
    receiver
}
