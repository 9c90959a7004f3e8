//! A line to a server that can be frozen or cut, without touching the server.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything passes.
    Pass,
    /// Connections are taken and stay open; nothing passes, in either direction.
    Frozen,
    /// Connections are closed, and new ones are closed at once.
    Cut,
}

struct State {
    mode: Mode,
    /// The line freezes once a connection that these bytes went through has sent `COMMIT`.
    frozen_commit: Option<String>,
    sockets: Vec<TcpStream>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
        self.changed.notify_all();
    }

    /// Waits while the line is frozen. False: it is cut.
    fn wait_until_open(&self) -> bool {
        let state = self.changed.wait_while(self.state.lock().unwrap(), |state| state.mode == Mode::Frozen).unwrap();
        state.mode == Mode::Pass
    }
}

/// A line to a server.
pub struct Proxy(Arc<Shared>);

impl Proxy {
    /// A line to the server of a URL, and the URL through it.
    pub fn to(url: &str) -> (Self, String) {
        let mut url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        let state = State { mode: Mode::Pass, frozen_commit: None, sockets: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let for_listener = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (shared, server) = (Arc::clone(&for_listener), server.clone());
                thread::spawn(move || forward(&shared, client, &server));
            }
        });
        (Self(shared), url.into())
    }

    pub fn freeze(&self) {
        self.0.set(Mode::Frozen);
    }

    pub fn resume(&self) {
        self.0.set(Mode::Pass);
    }

    pub fn cut(&self) {
        self.0.set(Mode::Cut);
        for socket in self.0.state.lock().unwrap().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Freezes the line when the transaction in which `marker` was sent is committed: the server gets its `COMMIT`, and
    /// nobody gets its answer.
    pub fn freeze_at_commit_of(&self, marker: &str) {
        self.0.state.lock().unwrap().frozen_commit = Some(marker.to_owned());
    }
}

/// Forwards both directions of a connection until one of them ends.
fn forward(shared: &Arc<Shared>, client: TcpStream, server: &str) {
    if !shared.wait_until_open() {
        return;
    }
    let server = TcpStream::connect(server).unwrap();
    {
        let mut state = shared.state.lock().unwrap();
        state.sockets.push(client.try_clone().unwrap());
        state.sockets.push(server.try_clone().unwrap());
    }
    let (from_client, to_client) = (client.try_clone().unwrap(), client);
    let (from_server, to_server) = (server.try_clone().unwrap(), server);
    let shared_back = Arc::clone(shared);
    thread::spawn(move || copy(&shared_back, from_server, to_client, false));
    copy(shared, from_client, to_server, true);
}

fn copy(shared: &Shared, mut from: TcpStream, mut to: TcpStream, is_client: bool) {
    let mut bytes = vec![0; 64 * 1024];
    let mut is_marked = false;
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let chunk = &bytes[..length];
        if !shared.wait_until_open() {
            break;
        }
        if is_client {
            let mut state = shared.state.lock().unwrap();
            let marker = state.frozen_commit.clone();
            is_marked |= marker.is_some_and(|marker| contains(chunk, marker.as_bytes()));
            if is_marked && contains(chunk, b"COMMIT") {
                state.frozen_commit = None;
                state.mode = Mode::Frozen;
                is_marked = false;
            }
        }
        if to.write_all(chunk).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
