//! The running service: HTTP, the mail worker, the look-out for other processes' releases; its start and its graceful
//! stop.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_cors::Cors;
use actix_web::{App, HttpRequest, http::header, middleware::from_fn, web};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    access::{
        Actor, RateLimit, ServerSecret, TokenUses,
        secret::fingerprint::{Origin, SecretError, recognise},
        token::{PlainToken, settle_admin_token},
    },
    agenda,
    blueprint::{self, Blueprint, yaml},
    database::{Connection, Database, Store, Unreached},
    docs,
    http::{
        self, Problem,
        connections::{Connections, Limits},
        extract, idempotency,
        middleware::{Ready, observe, share_reads, wait_for_start},
        problem::{METHOD_NOT_ALLOWED, NOT_FOUND},
    },
    mail::{self, Wake, Worker, api::Metrics},
    programme::{
        self, ProgrammeError, Programmes, Request,
        api::State,
        live::{Hub, ListenerLimits},
        publication, redaction, release,
    },
    registration::{RegistrationError, api::Desk, folded_names, queue::Queue, sweep},
    routes,
    settings::Settings,
    site::{self, Site},
    values::Code,
};

/// The example conference, for a binary that runs where its file is not.
const EXAMPLE: &str = include_str!("../config/genocide-prevention-2014.yaml");
/// Where the example is in the repository, and what the setting `seed` is by default.
const EXAMPLE_PATH: &str = "config/genocide-prevention-2014.yaml";
/// How long requests in flight may take at a graceful stop, in seconds.
const STOP_TIMEOUT_SECONDS: u64 = 10;
/// Of these, how long the service still takes connections, so that those that wait for it are answered, too.
const LAST_CONNECTIONS_SECONDS: u64 = 2;
/// Files that are neither connections nor the store's nor the mail server's: the log, imports, exports, threads' own.
const OTHER_FILES: u64 = 100;
/// Files of a connection to SQLite, the store that has most: the database, its journal, the journal's index.
const STORE_FILES: u64 = 3;
/// The most connections that the service takes by itself: each needs some memory.
const CONNECTIONS_MAX: u64 = 20_000;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file, a port or the mail server's setting.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        source: io::Error,
    },
    /// The store.
    #[error("{what}: {cause}")]
    Store {
        /// What was tried.
        what: &'static str,
        /// What happened.
        cause: String,
    },
    /// The key is missing, or is not that of the store.
    #[error("{0}")]
    Secret(SecretError),
    /// The blueprint for the empty store is wrong.
    #[error("{}", .0.join("\n"))]
    Seed(Vec<String>),
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { what: what.into(), source }
}

fn secret_error(what: &'static str) -> impl FnOnce(SecretError) -> ServeError {
    move |error| match error {
        SecretError::Store(error) => ServeError::Store { what, cause: causes(&error) },
        other => ServeError::Secret(other),
    }
}

/// The whole chain of an error's causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {}", cause_words.trim());
        }
        source = cause.source();
    }
    words.replace('\n', " ")
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// The service cannot start.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    let mut signals = Signals::catch().map_err(io_error("signals"))?;
    let connections = Connections::new(limits(&settings, open_files()));
    let database = Database::open(&settings.store, settings.database_connections, settings.store_deadline)
        .map_err(io_error("database_url"))?;
    let secret = ServerSecret::find_or_make(&database, &settings.data_dir).await;
    let (secret, origin) = match secret {
        Ok(found) => found,
        Err(error) => {
            database.close().await;
            return Err(secret_error("the store cannot be migrated")(error));
        }
    };
    let listener = TcpListener::bind(settings.listen).map_err(io_error(format!("listen {}", settings.listen)))?;
    let address = listener.local_addr().map_err(io_error("listen"))?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));

    let (ready, wake, programmes) = (Ready::default(), Wake::default(), Programmes::new(secret.clone(), &public_url));
    let desk = Desk {
        database: database.clone(),
        programmes: programmes.clone(),
        secret: secret.clone(),
        public_url: public_url.as_str().into(),
        wake: wake.clone(),
        limit: RateLimit::new(&settings),
        code_limit: RateLimit::of_codes(&settings),
        queue: Queue::new(database.clone(), secret.clone()),
        scratch: settings.data_dir.as_path().into(),
    };
    let site = Site::load(settings.site_dir.as_deref(), &public_url).map_err(io_error("site_dir"))?;
    let metrics = Metrics::default();
    let worker =
        Worker::new(&settings, database.clone(), secret.clone(), public_url.clone(), (wake.clone(), metrics.clone()))
            .map_err(io_error("mail_url"))?;

    let sweep_wake = wake.clone();
    let origins: Arc<[String]> = settings.cors_origins.clone().into();
    let state = State {
        database: database.clone(),
        programmes: programmes.clone(),
        secret: secret.clone(),
        public_url: public_url.as_str().into(),
    };
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let listeners = ListenerLimits {
        count_max: count(settings.event_listeners_max),
        per_client_max: count(settings.event_listeners_per_client_max),
    };
    let hub = Hub::new(programmes.clone(), database.clone(), listeners);
    let uses = TokenUses::default();
    let (app_ready, app_database, app_uses, app_hub) = (ready.clone(), database.clone(), uses.clone(), hub.clone());
    let app_connections = connections.clone();
    let app = move || {
        App::new()
            .app_data(extract::path_config())
            .app_data(site::body_config())
            .app_data(web::Data::new(app_ready.clone()))
            .app_data(web::Data::new(app_database.clone()))
            .app_data(web::Data::new(app_uses.clone()))
            .app_data(web::Data::new(app_connections.clone()))
            .app_data(web::Data::new(app_hub.clone()))
            .app_data(web::Data::new(wake.clone()))
            .app_data(web::Data::new(metrics.clone()))
            .app_data(web::Data::new(routes::documentation()))
            .app_data(web::Data::new(state.clone()))
            .app_data(web::Data::new(desk.clone()))
            .app_data(web::Data::new(site.clone()))
            .wrap(from_fn(|request, next| wait_for_start(site::starting_page, request, next)))
            .wrap(cors(&origins))
            .wrap(from_fn(|request, next| share_reads(programme::api::is_open, request, next)))
            .wrap(from_fn(|request, next| observe(publication::answer::at_once, request, next)))
            .configure(routes::configure)
            .service(docs::to_page)
            .service(docs::page())
            .configure(site::configure)
            .default_service(web::to(no_such_route))
    };
    let server =
        http::server::serve(listener, connections.clone(), STOP_TIMEOUT_SECONDS - LAST_CONNECTIONS_SECONDS, app)
            .map_err(io_error("listen"))?;
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);

    let key = (secret.clone(), origin);
    let prepared = tokio::select! {
        prepared = prepare_once_there(&settings, &ready, &database, &programmes, &key) => prepared.map(Some),
        () = signals.any() => Ok(None),
    };
    let token = match prepared {
        Ok(Some(token)) => token,
        stopped => {
            handle.stop(false).await;
            database.close().await;
            return stopped.map(|_| ());
        }
    };
    let (stop, stopped) = watch::channel(false);
    let following = actix_web::rt::spawn(programmes.clone().follow(database.clone(), stopped.clone()));
    let telling = actix_web::rt::spawn(hub.clone().keep());
    let tidying = actix_web::rt::spawn(idempotency::tidy(database.clone(), stopped.clone()));
    let noting = actix_web::rt::spawn(uses.keep(database.clone(), stopped.clone()));
    let sweeping = sweep::keep(database.clone(), programmes.clone(), sweep_wake, stopped.clone());
    let sweeping = actix_web::rt::spawn(sweeping);
    let retention_days = settings.mail_retention_days;
    let scrubbing = actix_web::rt::spawn(mail::tidy(database.clone(), retention_days, stopped.clone()));
    let rewriting = actix_web::rt::spawn(redaction::rewriting::keep(database.clone(), stopped.clone()));
    let keeping = release::schedule::keep(database.clone(), programmes.clone(), secret, stopped.clone());
    let keeping = actix_web::rt::spawn(keeping);
    let working = actix_web::rt::spawn(worker.run(stopped));
    ready.raise();
    announce(address, &public_url, &programmes, token.as_ref()).map_err(io_error("standard output"))?;

    let served = tokio::select! {
        served = &mut serving => served,
        () = signals.any() => {
            connections.leave();
            // A listener's answer has no end of its own.
            hub.close();
            connections.ended(Duration::from_secs(LAST_CONNECTIONS_SECONDS)).await;
            handle.stop(true).await;
            serving.await
        }
    };
    tracing::info!("stopping");
    hub.close();
    // Nobody listens any more if both have ended by themselves.
    _ = stop.send(true);
    // Each ends by itself in time, unless the store keeps its thread.
    let sending = working.abort_handle();
    let others = async {
        let _ = tokio::join!(following, telling, tidying, noting, keeping, rewriting, sweeping, scrubbing, working);
    };
    if tokio::time::timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), others).await.is_err() {
        tracing::warn!("stopped while the store gives no answer: messages on their way may be sent again");
        sending.abort();
    }
    if tokio::time::timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), database.close()).await.is_err() {
        tracing::warn!("stopped while the store could not be closed; its journal is read at the next start");
    }
    match served {
        Ok(result) => result.map_err(io_error("serving")),
        Err(error) => Err(io_error("serving")(io::Error::other(error))),
    }
}

/// What asks the service to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for either.
    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lets the process have as many open files as the system allows it, and says how many these are.
fn open_files() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(1024)
    })
}

/// How many connections there may be, with so many open files.
fn limits(settings: &Settings, files: u64) -> Limits {
    let own =
        STORE_FILES * u64::from(settings.database_connections) + u64::from(settings.mail_connections) + OTHER_FILES;
    let files_max = files.saturating_sub(own).max(1);
    let most = files_max / 10 * 9;
    let count_max = match u64::from(settings.connections_max) {
        0 => most.min(CONNECTIONS_MAX),
        wanted => wanted.min(most),
    };
    if count_max < u64::from(settings.connections_max) {
        tracing::warn!(
            connections_max = count_max,
            open_files = files,
            "the limit of open files allows fewer connections"
        );
    }
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        count_max: count(count_max),
        per_client_max: count(settings.connections_per_client_max.into()),
        files_max: count(files_max),
        exempt: settings.connections_exempt.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        counts_loopback: settings.rate_limit_loopback,
        wait: Duration::from_secs(settings.client_wait_seconds.into()),
        body_bytes_per_second_min: settings.body_bytes_per_second_min,
    }
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .disable_vary_header()
        .allow_any_method()
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH, header::IF_MATCH])
        .allowed_header("idempotency-key")
        .allowed_header("last-event-id")
        .allowed_header("prefer")
        .expose_headers([header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER])
        .max_age(600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// 405 where the path is a route of another method, else 404.
async fn no_such_route(request: HttpRequest) -> Result<actix_web::HttpResponse, Problem> {
    let allowed = routes::allowed_methods(request.path());
    if allowed.is_empty() {
        return Err(Problem::new(&NOT_FOUND).detail("the API is described at /docs"));
    }
    Err(Problem::new(&METHOD_NOT_ALLOWED).header(header::ALLOW, allowed.join(", ")))
}

/// The longest pause between attempts to reach a store at the start.
const START_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a start that waits says so.
const START_WORD: Duration = Duration::from_secs(30);

/// Prepares the store when it is there. One that is away or starts is waited for; one that refuses us ends the start.
async fn prepare_once_there(
    settings: &Settings,
    ready: &Ready,
    database: &Database,
    programmes: &Programmes,
    secret: &(ServerSecret, Origin),
) -> Result<Option<PlainToken>, ServeError> {
    let mut pause = Duration::from_millis(125);
    let mut said: Option<(String, Instant)> = None;
    let mut has_failed = false;
    loop {
        let reason = match database.reach().await {
            Ok(()) => match prepare(settings, database, programmes, secret).await {
                // It may have gone away meanwhile, and come back.
                Err(ServeError::Store { what, cause })
                    if !has_failed && matches!(settings.store, Store::Postgres(_)) =>
                {
                    has_failed = true;
                    format!("{what}: {cause}")
                }
                prepared => return prepared,
            },
            Err(Unreached::NotYet(reason)) => {
                has_failed = false;
                ready.wait_for_store();
                reason
            }
            Err(Unreached::Never(cause)) => {
                return Err(ServeError::Store { what: "the store cannot be reached", cause });
            }
        };
        if said.as_ref().is_none_or(|(known, at)| *known != reason || at.elapsed() >= START_WORD) {
            tracing::warn!(%reason, "waiting for the store");
            said = Some((reason, Instant::now()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(START_PAUSE_MAX);
    }
}

/// Migrates, settles the admin token, fills an empty store, loads the releases. Answers a token that was made.
async fn prepare(
    settings: &Settings,
    database: &Database,
    programmes: &Programmes,
    (secret, origin): &(ServerSecret, Origin),
) -> Result<Option<PlainToken>, ServeError> {
    let failed =
        |what: &'static str| move |error: &dyn std::error::Error| ServeError::Store { what, cause: causes(error) };
    database.migrate().await.map_err(|error| failed("the store cannot be migrated")(&error))?;
    let recognised = recognise(database, (secret, *origin), &settings.data_dir).await;
    recognised.map_err(secret_error("the store cannot be read"))?;
    folded_names::fold(database).await.map_err(|error| failed("names cannot be folded")(&error))?;
    // A store that is in use needs no seed, so that the file may be gone by then.
    let is_empty = database
        .read(|tx| agenda::actions::list(tx).map(|conferences| conferences.is_empty()))
        .await
        .map_err(|error| failed("the store cannot be read")(&error))?;
    let seed = settings.seed.as_deref().filter(|_| is_empty).map(read_seed).transpose()?;
    let (given, under) = (settings.admin_token.clone(), secret.clone());
    let token = database
        .write("first start", move |tx| {
            crate::database::alone(tx)?;
            if let Some((slug, blueprint)) = &seed {
                seed_if_empty(tx, slug, blueprint, &under)?;
            }
            Ok::<_, ProgrammeError>(settle_admin_token(tx, given.as_ref())?)
        })
        .await
        .map_err(|error| failed("the store cannot be prepared")(&error))?;
    programmes.refresh(database).await.map_err(|error| failed("the programme cannot be loaded")(&error))?;
    // What came due while no process ran; what cannot be published now is tried again while serving.
    if let Err(error) = release::schedule::publish_all_due(database, programmes, secret).await {
        tracing::warn!(%error, "what is due cannot be published yet");
    }
    Ok(token)
}

fn read_seed(path: &Path) -> Result<(Code, Blueprint), ServeError> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path == Path::new(EXAMPLE_PATH) => EXAMPLE.to_owned(),
        Err(error) => return Err(io_error(format!("seed {name}"))(error)),
    };
    let source = yaml::Source::read(&text).map_err(|faults| ServeError::Seed(yaml::describe_unread(&name, &faults)))?;
    let blueprint = blueprint::document::read(source.value.clone())
        .map_err(|faults| ServeError::Seed(source.describe(&name, &faults)))?;
    Ok((blueprint.agenda.conference.slug.clone(), blueprint))
}

fn seed_if_empty(
    connection: &mut Connection,
    slug: &Code,
    blueprint: &Blueprint,
    secret: &ServerSecret,
) -> Result<(), ProgrammeError> {
    if !agenda::actions::list(connection)?.is_empty() {
        return Ok(());
    }
    blueprint::actions::apply(connection, slug, blueprint, &Actor::service(), false).map_err(|error| match error {
        RegistrationError::Agenda(error) => error.into(),
        RegistrationError::Database(error) => ProgrammeError::Database(error),
        other => ProgrammeError::Database(crate::database::DatabaseError::Corrupt(other.to_string())),
    })?;
    let place = agenda::actions::find(connection, slug)?;
    programme::publish(connection, &place, Request::default(), &Actor::service(), secret)?;
    Ok(())
}

fn announce(
    address: SocketAddr,
    public_url: &str,
    programmes: &Programmes,
    token: Option<&PlainToken>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Plenary is ready at http://{address}")?;
    writeln!(out, "  Pages        {public_url}/")?;
    for snapshot in programmes.all() {
        writeln!(out, "  Programme    {public_url}/api/v1/conferences/{}/programme", snapshot.place.slug)?;
    }
    writeln!(out, "  API docs     {public_url}/docs")?;
    if let Some(token) = token {
        writeln!(out, "  Admin token  {}", token.reveal())?;
        writeln!(out, "               (shown this once; `plenary token create --role admin` makes another)")?;
    }
    writeln!(out, "Ctrl-C stops it.")?;
    out.flush()
}
