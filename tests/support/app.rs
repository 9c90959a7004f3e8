//! The service as a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    contract,
    http::{Answer, Client},
    store::{Database, Store},
};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_plenary");
/// The admin token of every test's service.
pub const ADMIN: &str = "a-test-admin-token-of-32-characters-or-more";
/// How long anything may take before a test gives up on it.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder of a test's own, removed with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn create() -> Self {
        let path = std::env::temp_dir().join(format!("plenary-test-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where the repository is.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder, the store and the settings of services: several may share them.
pub struct Environment {
    pub folder: Folder,
    pub database: Database,
    variables: BTreeMap<String, String>,
    /// The limit of open files, if it is not that of the test process.
    open_files_max: Option<u32>,
}

impl Environment {
    pub fn new(store: Store) -> Self {
        let folder = Folder::create();
        let database = Database::create(store, &folder.0);
        let path_in_folder = |name: &str| folder.0.join(name).display().to_string();
        let variables = BTreeMap::from([
            ("PLENARY_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("PLENARY_DATABASE_URL".to_owned(), database.url.clone()),
            ("PLENARY_DATA_DIR".to_owned(), path_in_folder("data")),
            ("PLENARY_MAIL_URL".to_owned(), format!("file:{}", path_in_folder("mail"))),
            ("PLENARY_SEED".to_owned(), "none".to_owned()),
            ("PLENARY_ADMIN_TOKEN".to_owned(), ADMIN.to_owned()),
            ("PLENARY_LOG".to_owned(), "plenary=info".to_owned()),
            ("PLENARY_LOG_FORMAT".to_owned(), "json".to_owned()),
        ]);
        Self { folder, database, variables, open_files_max: None }
    }

    /// An environment with the example conference.
    pub fn with_example(store: Store) -> Self {
        let example = repository().join("config/genocide-prevention-2014.yaml");
        Self::new(store).set("PLENARY_SEED", &example.display().to_string())
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With this limit of open files.
    pub fn open_files_max(mut self, limit: u32) -> Self {
        self.open_files_max = Some(limit);
        self
    }

    /// The binary with the environment's settings and no others.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.open_files_max {
            None => Command::new(BINARY),
            Some(limit) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\""), BINARY]);
                shell
            }
        };
        command.args(arguments).current_dir(&self.folder.0).env_clear().envs(&self.variables);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a service and waits until it says that it is ready.
    pub fn start(self) -> App {
        Arc::new(self).start_shared()
    }

    /// Starts one service of several.
    pub fn start_shared(self: &Arc<Self>) -> App {
        self.start_with(&[])
    }

    /// Starts one service of several, with variables of its own.
    pub fn start_with(self: &Arc<Self>, variables: &[(&str, &str)]) -> App {
        App::start(Arc::clone(self), variables)
    }
}

/// Lines of a process's log, as they come; what was waited for stays.
pub struct Log {
    lines: Mutex<Receiver<String>>,
    lines_read: Mutex<Vec<String>>,
}

impl Log {
    fn read(stream: impl std::io::Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { lines: Mutex::new(receiver), lines_read: Mutex::default() }
    }

    /// Waits for the next line that contains `text`.
    pub fn wait_for(&self, text: &str) {
        let lines = self.lines.lock().unwrap();
        loop {
            let line = lines.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("the log never said: {text}"));
            let is_found = line.contains(text);
            self.lines_read.lock().unwrap().push(line);
            if is_found {
                return;
            }
        }
    }

    /// Every line from the first on, once the process has ended.
    pub fn all(&self) -> Vec<String> {
        let rest: Vec<_> = self.lines.lock().unwrap().iter().collect();
        let mut lines_read = self.lines_read.lock().unwrap();
        lines_read.extend(rest);
        lines_read.clone()
    }
}

/// A running service.
pub struct App {
    pub environment: Arc<Environment>,
    pub url: String,
    /// What it printed when it was ready.
    pub startup_output: Vec<String>,
    pub log: Log,
    process: Child,
    client: Client,
}

impl App {
    /// A service with the example conference, published.
    pub fn with_example(store: Store) -> Self {
        Environment::with_example(store).start()
    }

    fn start(environment: Arc<Environment>, variables: &[(&str, &str)]) -> Self {
        let mut command = environment.command(&[]);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = Log::read(process.stderr.take().unwrap());
        let mut startup_output = Vec::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let is_last = line.contains("Ctrl-C");
            startup_output.push(line);
            if is_last {
                break;
            }
        }
        let Some(url) = startup_output.first().and_then(|line| line.rsplit(' ').next()).map(str::to_owned) else {
            let _ = process.wait();
            panic!("the service did not start: {:?}", log.all());
        };
        let client = Client::new(&url);
        // From here on the process ends with the test, whatever becomes of it.
        let app = Self { environment, url, startup_output, log, process, client };
        contract::load_document(&app.client);
        app
    }

    pub fn get(&self, path: &str) -> Answer {
        self.client.send("GET", path, &[], None)
    }

    /// An answer with its date: there is none while the second of the change lasts.
    pub fn get_dated(&self, path: &str) -> Answer {
        let deadline = std::time::Instant::now() + TIMEOUT;
        loop {
            let answer = self.get(path);
            if answer.header("last-modified").is_some() {
                return answer;
            }
            assert!(std::time::Instant::now() < deadline, "{path} never has a date");
        }
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client.send("GET", path, headers, None)
    }

    /// The page that a browser ends at which opens a path.
    pub fn browse(&self, path: &str) -> Answer {
        let mut answer = self.get_with(path, &BROWSER);
        while let (303 | 307, Some(location)) = (answer.status, answer.header("location").map(str::to_owned)) {
            answer = self.get_with(location.strip_prefix(&self.url).unwrap_or(&location), &BROWSER);
        }
        answer
    }

    /// A form as a browser sends it: the page that it ends at.
    pub fn submit(&self, path: &str, form: &str) -> Answer {
        let headers = [BROWSER[0], ("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send("POST", path, &headers, Some(form));
        match answer.header("location") {
            Some(location) if answer.status == 303 => self.browse(location),
            _ => answer,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        self.client.send(method, path, headers, body)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.client.send("POST", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    /// With the admin token.
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.with_token(ADMIN, method, path, body)
    }

    /// With the admin token, to a service that may die meanwhile: the status, if it answered.
    pub fn try_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Option<u16> {
        let authorization = self.authorization();
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = self.client.try_send(method, path, &headers, body.map(Value::to_string).as_deref());
        answer.ok().map(|answer| answer.status)
    }

    /// The `Authorization` header with the admin token.
    pub fn authorization(&self) -> String {
        format!("Bearer {ADMIN}")
    }

    pub fn with_token(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.client.send(method, path, &headers, body.map(Value::to_string).as_deref())
    }

    /// Applies a blueprint and publishes it. Registration is open: of a conference that does not set it up, it is not.
    pub fn publish(&self, blueprint: &Value) {
        let slug = blueprint["conference"]["slug"].as_str().unwrap();
        let path = format!("/api/v1/conferences/{slug}");
        let mut blueprint = blueprint.clone();
        blueprint.as_object_mut().unwrap().entry("registration").or_insert_with(|| json!({}));
        assert_eq!(self.admin("PUT", &format!("{path}/blueprint"), Some(&blueprint)).status, 200);
        assert_eq!(self.admin("POST", &format!("{path}/releases"), Some(&json!({}))).status, 201);
    }

    /// The path and query of a link to the service.
    pub fn path_of<'a>(&self, link: &'a str) -> &'a str {
        link.strip_prefix(&self.url).unwrap_or_else(|| panic!("{link} does not begin with {}", self.url))
    }

    pub fn count(&self, statement: &str) -> i64 {
        self.environment.database.count(statement)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The `Accept` header of a browser.
pub const BROWSER: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

/// A small conference: two days, one session, categories `delegate` and `press`.
pub fn small_conference(seats: Option<u32>, press_seats: Option<u32>) -> Value {
    json!({
        "conference": {
            "slug": "small",
            "name": { "en": "Small conference", "fr": "Petite conférence" },
            "starts_on": "2030-05-01",
            "ends_on": "2030-05-02",
            "time_zone": "Europe/Brussels",
            "languages": ["en", "fr"],
            "venue": { "name": "Egmont Palace", "city": { "en": "Brussels", "fr": "Bruxelles" }, "country": "BE" }
        },
        "organisations": [],
        "rooms": [{ "code": "hall", "name": "Hall", "capacity": 100 }],
        "tracks": [{ "code": "law", "name": { "en": "Law", "fr": "Droit" } }],
        "speakers": [
            { "code": "ada", "given_name": "Ada", "family_name": "Lovelace" },
            { "code": "bob", "given_name": "Bob", "family_name": "Noyce" }
        ],
        "sessions": [{
            "code": "opening", "kind": "opening", "title": { "en": "Opening", "fr": "Ouverture" },
            "starts_at": "2030-05-01T09:00", "ends_at": "2030-05-01T10:00", "room": "hall", "track": "law",
            "items": [
                { "code": "welcome", "kind": "keynote", "title": "Welcome",
                  "appearances": [{ "speaker": "ada", "role": "keynote_speaker" }] },
                { "code": "talk", "kind": "panel", "title": "Talk", "appearances": [
                    { "speaker": "bob", "role": "panellist" }, { "speaker": "ada", "role": "moderator" }
                ] }
            ]
        }],
        "registration": {
            "seats": seats,
            "categories": [
                { "code": "delegate", "name": { "en": "Delegate", "fr": "Délégué" } },
                { "code": "press", "name": "Press", "seats": press_seats }
            ]
        }
    })
}

/// The form of a person.
pub fn person(number: usize, category: &str) -> Value {
    json!({
        "category": category,
        "given_name": format!("Person {number}"),
        "family_name": "Example",
        "email": format!("person-{number}@example.org"),
        "consent": true
    })
}
